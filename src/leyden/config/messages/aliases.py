"""Names that other frameworks and scripts use for settings of this one.

On the left are names as they are typed (case, dashes and underscores do not matter), on the right is the setting, group
or value. A name of this project, such as `batch_size`, needs no entry: it is found by its last part.
"""

from leyden.system.override_text import squeezed


def _by_name(table: dict[str, str]) -> dict[str, str]:
    return {squeezed(name): meant for names, meant in table.items() for name in names.split()}


def _in_sections(table: dict[str, dict[str, str]]) -> dict[tuple[str, str], str]:
    return {(section, name): meant for section, names in table.items() for name, meant in _by_name(names).items()}


ALIASES = _by_name(
    {
        # groups
        "net network arch architecture backbone model_name model_type": "model",
        "dataset data_set datamodule dm dataset_name data_name": "data",
        "opt optim optimiser optimizer_name": "optimizer",
        "sched lr_scheduler schedule lr_schedule lr_policy scheduler_name": "scheduler",
        "loss criterion loss_fn loss_function objective": "task",
        "exp config conf cfg config_file recipe experiment_name": "experiment",
        "callback cbs cb": "callbacks",
        "log loggers logging report_to": "logger",
        "hparams_search search tuner": "sweep",
        "debugging": "debug",
        # values
        "lr learning_rate base_lr max_lr init_lr lr0 eta": "optimizer.lr",
        "wd weight_decay l2 decay": "optimizer.weight_decay",
        "mom": "optimizer.momentum",
        "eps epsilon": "optimizer.eps",
        "e epoch epochs n_epochs n_epoch num_epochs nb_epochs max_epoch num_train_epochs": "trainer.max_epochs",
        "steps iterations iters max_iter n_steps num_steps total_steps": "trainer.max_steps",
        "b bs batch batchsize train_batch_size per_device_train_batch_size": "data.batch_size",
        "val_batch_size test_batch_size valid_batch_size": "data.eval_batch_size",
        "j workers n_workers nworkers dataloader_num_workers": "data.num_workers",
        "gpus gpu ngpus n_gpus num_gpus gpu_ids n_devices num_devices nproc_per_node": "trainer.devices",
        "nodes nnodes n_nodes": "trainer.num_nodes",
        "device": "trainer.accelerator",
        "distributed_backend dist": "trainer.strategy",
        "accum grad_accum accumulate accumulation_steps grad_accum_steps gradient_accumulation_steps": (
            "trainer.accumulate_grad_batches"
        ),
        "clip clip_grad grad_clip gradient_clip max_grad_norm clip_norm grad_norm": "trainer.gradient_clip_val",
        "log_interval log_every logging_steps log_freq print_freq": "trainer.log_every_n_steps",
        "q silent": "quiet",
        "s random_seed random_state manual_seed rng_seed": "seed",
        "metric metric_for_best_model": "monitor",
        "valid_size val_split valid_split validation_split val_fraction val_ratio valid_pct val_pct": "data.val_size",
        "test_split test_fraction test_ratio": "data.test_size",
        "train_fraction subset": "data.train_size",
        "img_size image_size input_size": "data.size",
        "transform transforms train_transforms": "data.train_transform",
        "test_transform val_transform": "data.eval_transform",
        "mixup_alpha": "data.mixup",
        "cutmix_alpha": "data.cutmix",
        "csv file filename csv_path": "data.path",
        "y label label_column target_column": "data.target",
        "layers n_layers hidden hidden_layers hidden_size hidden_dim": "model.hidden_sizes",
        "hidden_dims hidden_units n_hidden units": "model.hidden_sizes",
        "weight class_weight": "task.class_weights",
        "drop drop_rate dropout_rate p": "model.dropout",
        "act act_fn nonlinearity": "model.activation",
        "bn batchnorm use_bn": "model.batch_norm",
        "data_root dataset_dir": "paths.data_dir",
        "o out output_dir out_dir save_dir logdir logs default_root_dir results_dir work_dir": "paths.log_dir",
        "trials num_trials": "sweep.n_trials",
        # a run
        "ckpt ckpt_path checkpoint checkpoint_path restore resume_from resume_from_checkpoint run": "resume",
        "weights weights_path pretrained pretrained_weights load load_from load_weights": "init_from",
        "init from_pretrained": "init_from",
    }
)

# Switches that stand for a whole override.
SWITCHES = _by_name(
    {
        "cuda use_cuda use_gpu": "trainer=gpu",
        "cpu no_cuda no_gpu": "trainer=cpu",
        "amp fp16 half use_amp mixed_precision": "trainer.precision=16-mixed",
        "bf16": "trainer.precision=bf16-mixed",
        "early_stop early_stopping": "callbacks=early_stopping",
        "pretrained": "model=resnet model.weights=DEFAULT",
        "dev_run dry_run fast_dev_run smoke_test": "debug=fast_dev_run",
        "overfit": "debug=overfit_batch",
        "profile": "debug=profiler",
        "tensorboard": "logger=tensorboard",
        "wandb": "logger=wandb",
        "mlflow": "logger=mlflow",
    }
)

# Settings of eval.py and predict.py.
OF_A_RUN = _by_name(
    {
        "ckpt_path checkpoint checkpoint_path weights": "ckpt",
        "resume model_path load run_dir logdir": "run",
        "subset fold dataset_split set": "split",
        "image images img picture file files source inputs path x": "input",
        "o out output_path output_file save_to predictions": "output",
        "topk k": "top_k",
        "bs": "batch_size",
    }
)

# Settings that must be left out, and why.
LEFT_OUT = _by_name(
    {
        "num_classes n_classes n_class classes_num output_size output_dim out_features": "comes from the data",
        "in_channels input_channels input_shape input_dim in_features n_features": "comes from the data",
        "mean std normalize normalise": "comes from the training data",
        "shuffle": "training data are always shuffled, others never",
    }
)

# Values of settings of this name.
VALUES = _in_sections(
    {
        "precision": {
            "fp16 float16 half 16bit amp": "16-mixed",
            "bfloat16 bf16bit": "bf16-mixed",
            "fp32 float32 full single 32bit": "32-true",
            "fp64 float64 double 64bit": "64-true",
        }
    }
)

# Files of groups. Names of classes need no entry: they are found by what a file builds.
FILES = _in_sections(
    {
        "trainer": {"cuda": "gpu", "ddp_sim": "ddp_cpu", "multi_gpu": "ddp"},
        "logger": {"tb": "tensorboard", "wb": "wandb"},
        "model": {"lenet lenet5": "cnn", "fc dense": "mlp", "logistic": "linear"},
        "data": {"table tabular": "csv", "folder imagenet": "image_folder"},
        "task": {"multiclass": "classification", "multi_label": "multilabel"},
        "scheduler": {"constant": "none", "warmup": "warmup_cosine"},
        "sweep": {"mnist_optuna": "optuna_mnist"},
        "hydra/sweeper": {"optuna": "sweep=optuna"},
        "hydra/launcher": {"joblib submitit_local": "parallel", "submitit_slurm": "slurm"},
    }
)

# Sections of lightning-hydra-template and the like.
SECTIONS = _by_name(
    {
        "callbacks.model_checkpoint callbacks.checkpoint": "callbacks.best",
        "callbacks.rich_progress_bar": "callbacks.progress",
        "callbacks.model_summary": "callbacks.summary",
        "callbacks.lr_monitor callbacks.learning_rate_monitor": "callbacks.learning_rate",
        "datamodule dataset": "data",
        "net network": "model",
        "optim": "optimizer",
        "lr_scheduler": "scheduler",
        "hydra.sweeper": "sweep",
    }
)
