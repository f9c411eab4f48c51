"""Sample reasoning trees, train a flow verifier, decide with it and write a report, on the bundled model."""

import sys
from pathlib import Path

import arts

out = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/quickstart")
sampling = arts.Sampling(temperature=1.0, max_tokens=46)
arts.sample("congruences:train", out / "train.db", limit=400, n=8, fork_probability=0, sampling=sampling)
arts.sample("congruences:test", out / "test.db", limit=60, fork_probability=0, sampling=sampling)
with arts.open_store(out / "train.db") as store:
    verifier = arts.train_verifier(store.trees(), out / "flow")
result = arts.evaluate(out / "test.db", verifiers=[verifier], grader="exact")
print(result, result.methods["flow"].best_of_n[16], sep="\n")
result.write(out / "report")
print(arts.solve("solve 41 x = 15 mod 47", verifier=verifier, n=16, sampling=sampling).answer)
