#!/usr/bin/env bash
# From nothing to a trained and evaluated implicit policy, in one command:
#   ./quickstart.sh [PARTICLE|PUSH [FOLDER]]      FOLDER for data and runs, here if not given
# Makes the Python environment, records oracle demonstrations, trains, evaluates, and writes a
# video and pictures. Interrupted, it goes on where it stopped when started again.
set -euo pipefail

task=${1:-PARTICLE}
folder=${2:+$2/}
case $task in
  PARTICLE) pictures=--viz_img ;;
  PUSH) pictures= ;;
  *)
    echo "Unknown task $task; ./quickstart.sh knows: PARTICLE, PUSH." >&2
    exit 2
    ;;
esac
source "$(dirname "$0")/scripts/environment.sh"
[ "$task" = PARTICLE ] || build_pybullet

name=$(echo "$task" | tr '[:upper:]' '[:lower:]')
data=${folder}datasets/$name/oracle_$name
runs=${folder}runs
run=$runs/quickstart/$name

echo
echo "1. Demonstrations of the scripted oracle: $data*.tfrecord"
if [ -f "${data}_0.tfrecord" ] && [ -f "${data}_1.tfrecord" ]; then
  echo "   Already there."
else
  "$PYTHON" "$root/data/policy_eval.py" --task="$task" --policy=oracle --num_episodes=1000 \
    --replicas=2 --dataset_path="$data.tfrecord"
fi

echo
echo "2. Training and evaluating an implicit policy: $run"
"$PYTHON" "$root/ibc/train_eval.py" --task="$task" --gin_file=mlp_ebm_quick.gin \
  --tag="quickstart/$name" --video $pictures \
  --gin_bindings="train_eval.dataset_path = '$data*.tfrecord'" \
  --gin_bindings="train_eval.root_dir = '$runs'"

"$PYTHON" "$root/scripts/quickstart_summary.py" "$task" "$run" "$data*.tfrecord"
