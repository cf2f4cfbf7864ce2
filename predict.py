"""Predict new inputs with a recorded run.

    python predict.py run=last input=digit.png
    python predict.py run=logs/mnist_cnn/2026-01-31_12-00-00 input=images output=predictions.csv top_k=5
    python predict.py run=last input=houses.csv trainer=cpu
    python predict.py run=last

Images, tables and arrays (npy) are prepared like the data of the run; without an input, its test split is predicted.
Inputs that cannot be read are listed, and the others predicted.
"""

try:
    import hydra
    from omegaconf import DictConfig

    from leyden import predict_command, run_cli
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.system.environment import restart

    restart(missing)


@hydra.main(version_base="1.3", config_path="configs", config_name="predict")
def main(cfg: DictConfig) -> None:
    predict_command(cfg)


if __name__ == "__main__":
    run_cli(main)
