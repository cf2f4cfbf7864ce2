"""Train a network, or many.

    python train.py experiment=mnist_mlp
    python train.py experiment=mnist_cnn optimizer.lr=3e-4 trainer.max_epochs=30
    python train.py -m experiment=mnist_linear optimizer.lr=0.1,0.01 seed=1,2,3
    python train.py experiment=mnist_mlp debug=overfit_batch
    python train.py --help

A run keeps everything in its directory, logs/<experiment>/<time>/; logs/last is the newest.
"""

try:
    import hydra
    from omegaconf import DictConfig

    from leyden.config.compose import check
    from leyden.cli.entry_point import enter, errors_in_one_line
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.environment import restart

    restart(missing)


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(cfg: DictConfig) -> float | None:
    with errors_in_one_line():
        experiment = check(cfg)
        from leyden.training.train import run_experiment  # torch comes in only with a config that holds

        return run_experiment(experiment)


if __name__ == "__main__":
    enter(main)
