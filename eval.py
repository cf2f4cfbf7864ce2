"""Evaluate a recorded run: no setting has to be repeated.

    python eval.py run=last
    python eval.py run=logs/mnist_mlp/2026-01-31_12-00-00 split=val ckpt=last
    python eval.py run=last split=new              # items that were added to the data since
    python eval.py run=last trainer=cpu data.batch_size=512 paths.data_dir=elsewhere

Model and data are rebuilt from the run directory, and overrides are applied on top. The result is added to run.json.
"""

try:
    import hydra
    from omegaconf import DictConfig

    from leyden import evaluate_command, run_cli
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.system.environment import restart

    restart(missing)


@hydra.main(version_base="1.3", config_path="configs", config_name="eval")
def main(cfg: DictConfig) -> None:
    evaluate_command(cfg)


if __name__ == "__main__":
    run_cli(main)
