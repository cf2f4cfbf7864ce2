"""Train a network, or a sweep of many.

    python train.py experiment=mnist_mlp
    python train.py experiment=mnist_cnn optimizer.lr=3e-4 trainer.max_epochs=30
    python train.py -m experiment=mnist_linear optimizer.lr=0.1,0.01 seed=1,2,3
    python train.py experiment=mnist_mlp debug=overfit_batch
    python train.py --help

A run keeps everything in its directory, logs/<experiment>/<time>/; logs/last names the newest.
"""

try:
    import hydra
    from omegaconf import DictConfig

    from leyden import run_cli, train_command
except ModuleNotFoundError as missing:  # plain `python`, outside the project's environment
    from src.leyden.system.environment import restart

    restart(missing)


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(cfg: DictConfig) -> float | None:
    return train_command(cfg)


if __name__ == "__main__":
    run_cli(main)
