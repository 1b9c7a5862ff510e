"""Wrong inputs of every command, and what the one line about each must mention."""

LANGEVIN = "--gin_file=mlp_ebm_langevin_quick.gin"
NARROW = ("--saved_model_path=in/narrow",)
MSE = "--gin_file=mlp_mse_quick.gin"
PENDULUM = ("--task=Pendulum-v1",)
REACH = ("--task=PARTICLE_REACH",)
BENCHMARK = ("--task=PARTICLE", "--gin_file=mlp_mse.gin")
CHUNKS = "--gin_bindings=train_eval.action_horizon = 4"

# What is bound besides a good configuration → what is said.
BINDINGS = {
    "iterative_dfo.num_iterations = 0": "at least 1, got 0",
    "iterative_dfo.num_iterations = 2.5": "must be a whole number, got 2.5",
    "iterative_dfo.num_iterations = '3'": "must be a whole number, got '3'",
    "iterative_dfo.temperature = 0": "must be a positive number, got 0",
    "iterative_dfo.iteration_std = -0.1": "must not be a negative number, got -0.1",
    "langevin_actions_given_obs.num_iterations = 0": "at least 1, got 0",
    "langevin_actions_given_obs.sampler_stepsize_init = 'a'": "must be a number, got 'a'",
    "langevin_actions_given_obs.delta_action_clip = -1": "positive number, got -1",
    "langevin_actions_given_obs.grad_norm_type = '3'": "'1', '2', 'inf' or None, but is '3'",
    "train_eval.batch_size = '64'": "must be a whole number, got '64'",
    "train_eval.batch_size = 0": "at least 1, got 0",
    "train_eval.batch_size = 100000": "gives 102 training windows: choose a smaller",
    "train_eval.num_iterations = 1e5": "must be a whole number, got 100000.0",
    "train_eval.eval_interval = -1": "at least 0, got -1",
    "train_eval.eval_loss_interval = 'x'": "must be a whole number, got 'x'",
    "train_eval.checkpoint_interval = -1": "at least 0, got -1",
    "train_eval.policy_save_interval = -1": "at least 0, got -1",
    "train_eval.eval_episodes = 0": "at least 1, got 0",
    "train_eval.num_envs = 0": "at least 1, got 0",
    "train_eval.sequence_length = 0": "at least 1, got 0",
    "train_eval.dataset_eval_fraction = 1.5": "is 1.5, expected [0, 1)",
    "train_eval.max_data_shards = 0": "is 0, expected -1 (all) or at least 1",
    "train_eval.goal_tolerance = -1": "must be a positive number, got -1",
    "train_eval.seed = -1": "at least 0, got -1",
    "train_eval.seed = 4294967296": "must be below 2**32",
    "train_eval.learning_rate = 1e999": "must be a positive number, got inf",
    "train_eval.learning_rate_schedule = 'foo'": "choose one of exponential",
    "train_eval.skip_eval = 'False'": "must be True or False, got 'False'",
    "train_eval.root_dir = 3": "must be a string in quotes or None, got 3",
    "train_eval.root_dir = 'in/file'": "cannot make the folder in/file",
    "train_eval.image_obs = True": "PARTICLE has no image observations",
    "train_eval.loss_type = 'ebn'": "choose one of autoregressive, ebm, mdn, mse",
    "train_eval.network = 'MLPMSE'": "trained with loss_type 'mse'",
    "train_eval.network = 'PixelEBM'": "set train_eval.image_obs = True",
    "train_eval.netwrok = 'MLPEBM'": "(did you mean network?)",
    "sequence_coding.components = 3": "is of action sequences: set train_eval.action_horizon above",
    "train_eval.action_steps = 2": "is of action sequences: set train_eval.action_horizon above",
    "MLPEBM.depth = 0": "depth must be a whole number of at least 1, got 0",
    "MLPEBM.width = 0": "MLPEBM.width must be a whole number of at least 1, got 0",
    "MLPEBM.rate = 1.5": "must be in [0, 0.99609375], but is 1.5",
    "MLPEBM.layers = 'foo'": "must be one of ['MLPDropout', 'ResNetOrig', 'ResNetPreActivation']",
    "MLPEBM.activation = 'nope'": "MLPEBM.activation must be one of elu, ",
    "MLPEBM.kernel_initializer = 'foo'": "MLPEBM.kernel_initializer must be one of constant, ",
    "MLPEBM.bias_initializer = 'x'": "variance_scaling, zeros, but is 'x'",
    "MLPEMB.width = 3": "no configurable 'MLPEMB' (did you mean MLPEBM",
    "IbcPolicy.num_action_samples = 0": "at least 1, got 0",
    "ImplicitBCAgent.ebm_loss_type = 'foo'": "must be one of ['cd', ",
    "ImplicitBCAgent.fraction_dfo_samples = 2": "must be in [0, 1], but is 2",
    "ImplicitBCAgent.softmax_temperature = 0": "must be a positive number, got 0",
    "ParticleEnv.n_dim = 3": "pos_agent is float32[2], not float32[3]; ",
    "ParticleEnv.seed = -3": "ParticleEnv.seed must be a whole number of at least 0, got -3",
    "ParticleEnv.hide_velocity = True": "observation/vel_agent float32[2] is not expected",
    "ParticleEnv.dt = 0": "must be a positive number, got 0",
    "ParticleEnv.n_dim = 1000000": "at most 10000",
    "train_eval.sequence_length = 1000000000": "at most 10000",
    "train_eval.tag = @MLPEBM": "must be a string in quotes",
    "train_eval.tag = '../x'": "outside of train_eval.root_dir",
    "MLPEBM.rate = %UNDEFINED": "UNDEFINED",
    "MLPEBM.width = %MLPEBM.depth": "MLPEBM.depth",
    "MLPEBM.width = " + 1000 * "(" + "3": "gin",
    "ImplicitBCAgent.num_counter_examples = 1" + 30 * "0": "at most 2147483647",
    "ParticleEnv.n_steps": "expected Name.parameter=value",
}

# What is given for dataset_path → what is said.
DATA = {
    "in": "it is a folder of no format that ibc-data convert knows",
    "in/good.tfrecord.spec": "no record file matches dataset_path 'in/good.tfrecord.spec'",
    "in/*.nothing": "no record file matches dataset_path 'in/*.nothing': in holds ",
    "nowhere/*": "there is no folder nowhere",
    "in/file": "in/file.spec is missing",
    "in/empty.tfrecord": "in/empty.tfrecord holds no records",
    "in/text.tfrecord": "in/text.tfrecord is damaged, or no record file",
    "in/nospec.tfrecord": "in/nospec.tfrecord.spec is missing",
    "in/miscounted.tfrecord": "records is 102, expected 103",
    "in/other.tfrecord": "angle float64[1] is not expected; observation/count int64[1] is not",
    "in/images.tfrecord": "observation/rgb uint8[24, 32, 3] is not expected",
    "in/good.tfrecord,in/other.tfrecord": "in/other.tfrecord is unlike in/good.tfrecord",
}

# Flags besides those of a good training → what is said.
TRAINING = {
    ("--gin_file=in/syntax.gin",): "in/syntax.gin cannot be parsed",
    ("--gin_file=in/include.gin",): "in/include.gin: Unable to open file: nowhere.gin",
    ("--gin_file=in/images.tfrecord",): "in/images.tfrecord is no text file",
    ("--task=PARTICEL",): "unknown task 'PARTICEL'; did you mean PARTICLE",
    ("--task=PUSH",): "block_translation float32[2] is missing",
    ("--task=door-human-v0",): "door-human-v0",
    ("--task=door-human-v0", "--gin_bindings=DoorEnv.x = 1"): "no configurable 'DoorEnv'",
    ("--device_type=npu",): "--device_type=npu: value should be one of <gpu|tpu>",
    ("--skip_evl",): "flag 'skip_evl'. Did you mean: skip_eval",
    ("--video=maybe",): "--video=maybe: ",
    ("--use_gpu",): "--use_gpu was given but TensorFlow sees no GPU",
    (MSE, "--gin_bindings=MLPMSE.rate = 2.0"): "must be in [0, 0.99609375], but is 2.0",
    (LANGEVIN, "--gin_bindings=grad_penalty.grad_margin = 'a'"): "a number or None, got 'a'",
}

# What is bound besides a good configuration of action sequences → what is said.
SEQUENCES = {
    "train_eval.horizon = 6": "horizon is 6, but train_eval.sequence_length = 4 observations and 4",
    "train_eval.horizon = 1000": "no episode of in/good.tfrecord is long enough for a window of",
    "train_eval.action_horizon = 1000000000": "the longest has 50 steps. Choose a smaller train_ev",
    "train_eval.latency_steps = 4": "latency_steps is 4, but a chunk has train_eval.action_horizon",
    "train_eval.action_steps = 5": "action_steps is 5, but a chunk has 4 actions to execute",
    "train_eval.temporal_ensemble = 0.1": "set train_eval.action_steps below train_eval.action_hor",
    "train_eval.temporal_ensemble = 1e999": "temporal_ensemble must be a finite number, got inf",
    "train_eval.dataset_eval_fraction = 0.5": "set train_eval.validation_ratio, a share of the ep",
    "train_eval.validation_ratio = 1.0": "is 1.0, expected a share of the episodes: at least 0",
    "train_eval.max_train_episodes = 0": "max_train_episodes must be a whole number of at least 1",
    "sequence_coding.keys = ['rgb']": "keys names rgb, but task PARTICLE observes pos_agent, ",
    "sequence_coding.keys = 'pos_agent'": "keys is 'pos_agent', expected different names of observ",
    "sequence_coding.keys = []": "sequence_coding.keys is empty: name at least one",
    "sequence_coding.absolute = ()": "leave nothing to see: name a key in one of them",
    "sequence_coding.reference = 'pos'": "reference is 'pos', but the observations of in/good",
    "sequence_coding.normalizers = {'x': 'limits'}": "normalizers names x, but the observations of",
    "sequence_coding.normalizers = 'limits'": "one mode for all keys is sequence_coding.normalizer",
    "sequence_coding.normalizer = 'limit'": "normalizer is 'limit'; choose one of limits, gaussian",
    "sequence_coding.positions = ['pos_agent']": "has no effect with no sequence_coding.reference",
    "sequence_coding.normal_std = 2.0": "bind sequence_coding.counter_examples = 'normal', too",
    "sequence_coding.components = 3": "min_max_actions = True has no effect on action sequences",
    "get_normalizers.modes = 'limits'": "bind sequence_coding.normalizer or .normalizers instead",
    "IbcPolicy.clip = False": "IbcPolicy.clip = False has no effect on action sequences",
    "train_eval.network = 'HybridEBM'": "A hybrid network needs an image",
}

# Flags of `policy_eval`, after those of a good evaluation → what is said.
EVALUATION = {
    ("--task=",): "unknown task ''",
    ("--policy=oracle_push",): "belongs to task PUSH and INSERT",
    ("--num_episodes=x",): "--num_episodes=x: invalid literal",
    ("--replicas=0",): "--replicas must be at least 1, got 0",
    ("--replicas=-1",): "--replicas must be at least 1, got -1",
    ("--seed=-1",): "--seed must be at least 0, got -1",
    ("--history_length=0",): "--history_length must be at least 1, got 0",
    ("--history_length=1000000000",): "--history_length must be at most 10000",
    ("--use_image_obs",): "PARTICLE has no image observations",
    ("--dataset_path=in",): "--dataset_path=in is a folder",
    ("--dataset_path=",): "--dataset_path='' is no file name",
    ("--dataset_path=in/good.tfrecord.spec",): "ends in .spec or .manifest.json",
    ("--dataset_path=out/*",): "holds a character of glob patterns",
    ("--dataset_path=out/a\0b",): "holds a null byte",
    ("--gin_bindings=ParticleEnv.k_p=1e308",): "is not finite in frame ",
    ("--dataset_path=in/file/x.tfrecord",): "in/file is a regular file, not a folder",
    ("--checkpoint_path=in",): "--checkpoint_path needs --saved_model_path",
    ("--gin_file=nowhere.gin",): "gin file 'nowhere.gin' was not found; in ",
    ("--gin_bindings=ParticleEnv.seed=-3",): "ParticleEnv.seed must be a whole number",
}

# Flags of `policy_eval` instead of --policy → what is said.
EXPORTED = {
    ("--saved_model_path=in",): "in holds no saved_model.pb",
    ("--saved_model_path=in/damaged",): "in/damaged cannot be loaded as a policy",
    (*NARROW, "--flatten_env", "--checkpoint_path=in/wide"): "weights of another network",
    (*NARROW, "--flatten_env", "--checkpoint_path=in/cut"): "in/cut cannot be read",
    (*NARROW, "--flatten_env", "--history_length=3"): "observation is float32[3, 8], not",
    NARROW: "observation/pos_agent float32[2] is not expected",
}

# Flags of `policy_eval` with block pushing → what is said.
PUSHING = {
    ("--viz_img",): "task PUSH has no pictures of episodes",
    ("--shared_memory",): "no PyBullet shared-memory server",
    ("--gin_bindings=BlockPush.seed=-3",): "BlockPush.seed must be a whole number",
    ("--gin_bindings=BlockPush.abs_action=True",): "BlockPush.abs_action is True",
    ("--gin_bindings=BlockPush.control_frequency=7.0",): "must divide 240",
    (
        "--gin_bindings=BlockPush.image_size=(0,160)",
    ): "BlockPush.image_height must be a whole number",
    (
        "--gin_bindings=BlockPush.use_image_obs=True",
    ): "BlockPush.use_image_obs would have no effect",
    ("--gin_bindings=BlockPush.task='REACH'",): "BlockPush.task would have no effect",
    ("--gin_bindings=BlockPush.visuals_mode='x'",): "must be one of ('default', 'real'), got 'x'",
    ("--gin_bindings=OrientedPushOracle.action_noise_std=-1",): "must not be a negative number",
}

# Flags of `policy_eval` with one of D4RL's tasks → what is said.
D4RL = {
    ("--gin_bindings=DoorEnv.max_steps=3",): "there is no configurable 'DoorEnv'",
    ("--gin_bindings=D4RLSuccess.bufer_size=3",): "(did you mean buffer_size or",
    ("--gin_bindings=D4RLSuccess.buffer_size='x'",): "must be a whole number, got 'x'",
    ("--task=door-human-v1",): "did you mean door-human-v",
    ("--task=antmaze-medium-divers-v0",): "did you mean antmaze-medium-diverse-v0",
    ("--policy=oracle",): "needs a task with an oracle",
    ("--policy=particle",): "policy 'particle' is unknown",
    ("--use_image_obs",): "door-human-v0 has no image observations",
    ("--viz_img",): "task door-human-v0 has no pictures of episodes",
    ("--shared_memory",): "door-human-v0",
    ("--history_length=0",): "--history_length must be at least 1, got 0",
    ("--gin_file=mlp_mse.gin",): "gin file 'mlp_mse.gin' was not found",
    NARROW: "exclude each other; give one of them",
}

# Flags of `collect_oracle` → what is said.
COLLECTION = {
    ("--policy=random",): "--policy=random is no oracle",
    ("--num_shards=0",): "--num_shards must be at least 1, got 0",
    ("--num_workers=0",): "--num_workers must be at least 1",
    ("--save_states",): "PARTICLE has no simulator state to save",
    ("--task=pen-human-v0",): "policy 'oracle' needs a task with an oracle",
    ("--dataset_path=out/.o",): "begins with a dot",
    ("--gin_bindings=ParticleEnv.k_p=1e308",): "is not finite in frame ",
    ("--gin_bindings=ParticleEnv.n_dimm=3",): "(did you mean n_dim?)",
    ("--num_episodes=many",): "--num_episodes=many: invalid literal",
}

# Arguments of `ibc-data` → what is said.
DATA_COMMAND = {
    ("info", "in"): "it is a folder of no format that ibc-data convert knows",
    ("info", "in/good.tfrecord", "--picture=out/a.txt"): "give a name ending with .png",
    ("info", "in/good.tfrecord", "--picture=in/file/a.png"): "--picture=in/file/a.png: no file can",
    ("convert", "in/good.tfrecord", "/proc/o.tfrecord"): "/proc/o.tfrecord: no file can be made",
    ("convert", "in/good.tfrecord", "a/" * 2500 + "o.tfrecord"): "(File name too long); give",
    ("info", "in/text.tfrecord"): "in/text.tfrecord is damaged, or no record file",
    ("verify", "in/e*.tfrecord"): "1 of 1 record files cannot be used",
    ("convert", "in/file", "out/o.tfrecord"): "in/file is no HDF5 file",
    ("convert", "in/good.tfrecord"): "give the record file to make",
    ("convert", "in/good*.tfrecord", "in/good.tfrecord"): "is among the files to convert",
    ("convert", "in/good.tfrecord", "in"): "in is a folder; add a file name",
    ("convert", "in/good.tfrecord", ""): "'' is no file name",
    ("convert", "in/other.tfrecord", "in/good.tfrecord.spec"): "ends in .spec or .manifest.json",
    ("convert", "in/good.tfrecord", "out/o.tfrecord", "--top_fraction=0"): "got 0.0",
    ("convert", "in/good.tfrecord", "out/o.tfrecord", "--top_fraction=x"): "invalid float",
    ("convert", "in/good.tfrecord", "out/o.tfrecord", "--task=door-human-v0"): "does not fit",
    ("replay", "in/good.tfrecord", "--task=PUSH"): "does not fit the environment of task PUSH",
    ("replay", "in/good.tfrecord"): "--task",
    ("frobnicate",): "invalid choice: 'frobnicate'",
    (): "command",
}

# Arguments of programs with a parser of their own → what is said.
PROGRAMS = {
    "online_train_eval": {
        (): "the following arguments are required: --task",
        ("--task=Pendulum-v7",): "did you mean Pendulum-v1",
        ("--task=CartPole-v1",): "has actions Discrete(2)",
        (*PENDULUM, "--gin_file=nowhere.gin"): "gin file 'nowhere.gin' was not found",
        (*PENDULUM, "--gin_bindings=training.batch_sise = 3"): "did you mean batch_size?",
        (*PENDULUM, "--set=training.interval=0"): "training.interval must be a whole number of at",
        (*PENDULUM, "--set=imitation.trajectory=5"): "Did you mean imitation.trajectories",
        (
            *PENDULUM,
            "--optimised=GAIL_5_trajectories",
        ): "is tuned for GAIL, but the algorithm is SAC",
        (*PENDULUM, "--algorithm=GAIL"): "no expert data at 'datasets/pendulum-v1/",
        (*PENDULUM, "--checkpoint=in"): "--checkpoint is for --test: give that, too",
        (*PENDULUM, "--test"): "draws the reward of NEAR or AMP, but --algorithm=SAC",
    },
    "train_ncsn": {
        (): "the following arguments are required: --task",
        ("--task=MAZE", "--dataset_path=in/nowhere.npz"): "no recorded episodes at in/nowhere.npz",
        ("--task=MAZE", "--set=model.l=5"): "Did you mean model.L",
        ("--task=MAZE", "--set=model.L=0"): "model.L must be a whole number of at least 1",
        ("--task=MAZE", "--set=data.pairing=all"): "data.pairing must be one of",
        ("--task=MAZE", "--test", "--checkpoint=in"): "there is no run in in: train one with",
    },
    "train_video_encoder": {
        (): "the following arguments are required: --task",
        ("--task=PARTICLE_RECH",): "did you mean PARTICLE_REACH",
        ("--task=pen-human-v0",): "policy 'oracle' needs a task with an oracle",
        (*REACH, "--video_dir=in"): "there are no videos in in/train/0: expected <video_dir>",
        (*REACH, "--set=im_w=48", "--set=im_h=48"): "there are networks for pictures of 32, 64, 84",
        (*REACH, "--set=num_epochs=0"): "num_epochs must be a whole number of at least 1, got 0",
        (*REACH, "--set=cmc_model.lr=0"): "cmc_model.lr must be a positive number, got 0",
    },
    "generate_videos": {
        (): "the following arguments are required: --task",
        (*REACH, "--others="): "--others is empty",
        (*REACH, "--others=in/nowhere"): "in/nowhere does not exist",
        (*REACH, "--episode_len=0"): "--episode_len must be from 1 to 100000, got 0",
        (*REACH, "--video_dir=in/file"): "in/file is a regular file, not a folder",
        ("--task=pen-human-v0",): "policy 'oracle' needs a task with an oracle",
    },
    "ibc-landscape": {
        ("in/nowhere",): "in/nowhere does not exist; give a run's folder",
        ("in/file",): "in/file is a file; give a run's folder",
    },
    "ibc-report": {
        (): "the following arguments are required: RUN",
        ("in/nowhere",): "in/nowhere does not exist; give a run's folder",
        ("in/file",): "in/file is a file; give a run's folder",
    },
    "ibc-benchmark": {
        ("--task=PARTICLE",): "give either --task and --gin_file, or --suite",
        ("--task=PARTICEL", "--gin_file=mlp_mse.gin"): "did you mean PARTICLE",
        ("--task=PARTICLE", "--gin_file=nowhere.gin"): "gin file 'nowhere.gin' was not found",
        (*BENCHMARK, "--seeds=x"): "--seeds must be whole numbers with commas",
        (*BENCHMARK, "--executor=grid"): "invalid choice: 'grid'",
    },
    "ibc-tune": {
        (): "the following arguments are required: --algorithm, --task",
        ("--algorithm=SQIL", *PENDULUM): "no search space for --algorithm=SQIL",
        ("--algorithm=GAIL", "--task=Pendulum-v7"): "did you mean Pendulum-v1",
        ("--algorithm=GAIL", *PENDULUM, "--trials=0"): "must be a whole number of at least 1",
        ("--algorithm=GAIL", *PENDULUM, "--gin_file=nowhere.gin"): "'nowhere.gin' was not found",
        ("--algorithm=GAIL", *PENDULUM, "--output=in/file/a"): "in/file is a regular file",
    },
    "ibc-info": {
        ("--output=in/file/a.txt",): "--output=in/file/a.txt: no file can be made there",
        ("--outputt",): "unrecognized arguments: --outputt",
    },
    "ibc-export": {
        ("in/nowhere", "--to=onnx"): "in/nowhere does not exist; give a run's folder",
        ("in/file", "--to=onnx"): "in/file",
        ("in/damaged", "--to=tflite"): "in/damaged has no policy.json",
        ("in/narrow", "--to=tflite"): "in/narrow has no policy.json",
        ("in/narrow",): "the following arguments are required: --to",
        ("in/narrow", "--to=pdf"): "invalid choice: 'pdf'",
    },
    "ibc-policy-bench": {
        ("in/nowhere",): "in/nowhere does not exist; give a run's folder",
        ("in/damaged",): "in/damaged cannot be loaded as a policy",
        ("in/narrow", "--num_actions=0"): "--num_actions must be at least 1, got 0",
    },
    "ibc-open-loop": {
        ("in/nowhere",): "in/nowhere does not exist; give a run's folder",
        ("in/file",): "in/file",
        ("in/narrow", "--pictures=-1"): "--pictures must be at least 0, got -1",
    },
}
