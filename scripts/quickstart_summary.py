"""Prints what a quickstart has made, where it is, and what to try next."""

import json
import pathlib
import sys


def main(task: str, run: str, data: str) -> None:
    """Prints the summary of a finished run."""
    folder = pathlib.Path(run)
    results = json.loads(next(folder.glob("eval/*/results.json")).read_text())
    success = results["averages"]["AverageSuccessMetric"]
    videos = sorted(folder.glob("videos/*/*.mp4"), key=lambda p: p.stat().st_mtime)
    pictures = sorted(folder.glob("eval/*/*.png"))
    shown = f"\n  pictures of episodes    {pictures[-1]}" if pictures else ""
    # The particle task's published baseline is small enough for a laptop as it is.
    baseline = "mlp_mse.gin" if task == "PARTICLE" else "mlp_mse_quick.gin"
    print(
        f"""
Success in {success:.0%} of {len(results["episodes"])} episodes after {results["step"]} steps.

  video of one episode    {videos[-1]}{shown}
  numbers per episode     {folder}/eval/*/results.json
  every parameter         {folder}/operative-gin-config.txt
  trained policy          {folder}/policies/greedy_policy
  demonstrations          {data}

What to try next (TensorBoard; the exported policy on other episodes; the explicit baseline)
  . .venv/bin/activate
  tensorboard --logdir {run}
  python data/policy_eval.py --task={task} --num_episodes=20 \\
    --saved_model_path={run}/policies/greedy_policy
  python ibc/train_eval.py --task={task} --gin_file={baseline} --tag=mse --video \\
    --gin_bindings="train_eval.dataset_path = '{data}'" \\
    --gin_bindings="train_eval.root_dir = 'runs'"
"""
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
