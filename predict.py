"""Use a run: predict what it has not seen.

    python predict.py run=last input=digit.png
    python predict.py run=logs/mnist_cnn/2026-01-31_12-00-00 input=pictures output=predictions.csv top_k=5
    python predict.py run=last input=houses.csv trainer=cpu
    python predict.py run=last

Pictures, tables and arrays (npy) are prepared as the run prepared its own; without an input, its test split is taken.
What cannot be read is listed, and the rest predicted.
"""

try:
    import hydra
    from omegaconf import DictConfig

    from leyden.config.compose import check_run
    from leyden.data.inputs.request import check_request
    from leyden.cli.entry_point import enter, errors_in_one_line
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.environment import restart

    restart(missing)


@hydra.main(version_base="1.3", config_path="configs", config_name="predict")
def main(cfg: DictConfig) -> None:
    with errors_in_one_line():
        recorded, settings = check_run(cfg)
        request = check_request(settings, recorded.dir)
        from leyden.training.predict import predict_run  # torch comes in only with files that are there

        predict_run(recorded, request)


if __name__ == "__main__":
    enter(main)
