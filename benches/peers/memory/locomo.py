#!/usr/bin/env python3
"""Recall of evidence on LoCoMo (Maharana et al. 2024, CC BY-NC 4.0), through the command's batch interface.

    benches/peers/memory/locomo.py --bailiwick target/release/bailiwick [--data FILE] [--embedder static]...
        [--rows NAME,...] [--set KEY=VALUE]... [--only CONVERSATION]... [--json]

Each turn is a record; a question counts by the share of its evidence among the first hits. Categories: 1 evidence in
several places, 2 about time, 3 open, 4 in one place; 5 has no answer and is left out. The data is read where it lies.
"""
import argparse, collections, datetime, json, math, os, re, subprocess, sys, tempfile, time
from pathlib import Path

HERE = Path(__file__).resolve()
DATA = HERE.parents[4] / "shared/data/locomo-dev.json"
PLAIN = {"words": 0.5, "neighbours": 0, "hops": 0, "reply": 0, "episode": 0, "subject": 0, "time": 0, "asks": 0}
ROWS = {
    "words alone": ("lexical", PLAIN),
    "meaning alone": ("vector", PLAIN),
    "naive hybrid (RRF 60)": ("hybrid", PLAIN | {"fusion": "rrf"}),
    "linear": ("hybrid", PLAIN),
    "ours": ("hybrid", {}),
}


def said_at(text):
    return datetime.datetime.strptime(text, "%I:%M %p on %d %B, %Y").strftime("%Y-%m-%dT%H:%M:%SZ")


def read(path, only):
    records, asked = [], []
    for sample in json.loads(Path(path).read_text()):
        name, turns, known = sample["sample_id"], sample["conversation"], set()
        if only and name not in only:
            continue
        session = 1
        while f"session_{session}_date_time" in turns:
            at = said_at(turns[f"session_{session}_date_time"])
            for seq, turn in enumerate(turns.get(f"session_{session}") or []):
                caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
                known.add(turn["dia_id"])
                records.append({
                    "external_id": f"{name}/{turn['dia_id']}", "area": "fragments", "text": turn["text"] + caption,
                    "subject": turn["speaker"], "episode_id": f"{name}/{session}", "seq": seq, "event_time": at,
                    "origin": "user",
                })
            session += 1
        for question in sample["qa"]:
            found = re.findall(r"[A-Za-z0-9:]+", json.dumps(question.get("evidence", [])))
            evidence = {f"{name}/{it}" for it in found if it in known}
            if question["category"] != 5 and evidence:
                asked.append((question["question"], question["category"], evidence))
    return records, asked


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def measure(asked, answers):
    sums, categories = collections.Counter(), collections.defaultdict(list)
    for (_, category, evidence), hits in zip(asked, answers):
        among = lambda count: len(set(hits[:count]) & evidence) / len(evidence)
        ranks = [rank for rank, hit in enumerate(hits) if hit in evidence]
        best = sum(1 / math.log2(rank + 2) for rank in range(min(len(evidence), 10)))
        sums["r@5"] += among(5)
        sums["r@10"] += among(10)
        sums["MRR"] += 1 / (ranks[0] + 1) if ranks else 0
        sums["nDCG@10"] += sum(1 / math.log2(rank + 2) for rank in ranks if rank < 10) / best
        categories[category].append(among(10))
    found = {name: value / len(asked) for name, value in sums.items()}
    return found | {f"r@10 category {c}": sum(v) / len(v) for c, v in sorted(categories.items())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bailiwick", required=True)
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--embedder", action="append")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", metavar="DIR", help="only write the records and questions there")
    args = parser.parse_args()
    records, asked = read(args.data, args.only)
    if args.write:
        dir = Path(args.write)
        write_lines(dir / "records.jsonl", records)
        write_lines(dir / "questions.jsonl", [
            {"text": text, "evidence": sorted(evidence), "conversation": min(evidence).split("/")[0]}
            for text, _, evidence in asked])
        return
    out, program = [], str(Path(args.bailiwick).resolve())
    with tempfile.TemporaryDirectory() as dir:
        dir = Path(dir)
        env = {key: value for key, value in os.environ.items() if not key.startswith("BAILIWICK")}
        def run(*words, stdin=None):
            began = time.monotonic()
            done = subprocess.run([program, *words], cwd=dir, env=env, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{' '.join(words)}: {done.stderr.strip()}")
            return done.stdout, time.monotonic() - began
        (dir / "config").mkdir()
        (dir / "config/bailiwick.yaml").write_text("schema: 1\n")
        write_lines(dir / "records.jsonl", records)
        write_lines(dir / "questions.jsonl", [{"id": n, "text": it[0]} for n, it in enumerate(asked)])
        _, took = run("memory", "import", "records.jsonl", "--json")
        print(f"{len(records)} records imported in {took:.1f} s, {len(asked)} questions", file=sys.stderr)
        for embedder in args.embedder or ["static"]:
            for name in args.rows.split(","):
                mode, weights = ROWS[name]
                sets = [f"memory.recall.{key}={value}" for key, value in weights.items()] + args.set
                words = [it for one in sets for it in ("--set", one)]
                text, took = run("memory", "search", "--batch", "questions.jsonl", "--embedder", embedder, "--mode",
                                 mode, "--k", "20", "--json", *words)
                answers = [[hit["external_id"] for hit in json.loads(line)["hits"]] for line in text.splitlines()]
                assert len(answers) == len(asked)
                row = {"row": name, "embedder": embedder, "seconds": round(took, 1)} | measure(asked, answers)
                out.append(row)
                if not args.json:
                    print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{v}" for k, v in row.items()), flush=True)
    if args.json:
        json.dump({"records": len(records), "questions": len(asked), "rows": out}, sys.stdout)


main()
