"""One peer of `just bench memory`: builds an index of given vectors and texts, then answers rounds of questions.

    python peer.py NAME DIR     DIR: vectors.f32 questions.f32 texts.jsonl questions.jsonl dim

A line of JSON is printed when it is built and after each round; a round begins with a line on standard input.
Time is this process's own, all threads.
"""
import importlib.metadata, json, os, shutil, sys, time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[threads] = "1"
import numpy as np

WANTED, CANDIDATES = 10, 100


def say(**what):
    print(json.dumps(what), flush=True)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def on_disk(dir):
    return sum(it.stat().st_size for it in Path(dir).rglob("*") if it.is_file())


def fused(*lists):
    scores = {}
    for found in lists:
        for rank, one in enumerate(found):
            scores[one] = scores.get(one, 0) + 1 / (60 + rank + 1)
    return sorted(scores, key=scores.get, reverse=True)[:WANTED]


def terms(text):
    return " OR ".join(f'"{word}"' for word in "".join(c if c.isalnum() else " " for c in text).split())


class Hnswlib:
    def __init__(self, dir, vectors, texts):
        import hnswlib
        self.index = hnswlib.Index(space="ip", dim=vectors.shape[1])
        self.index.init_index(max_elements=len(vectors), ef_construction=200, M=16)
        self.index.add_items(vectors, num_threads=1)
        self.index.set_ef(256)
        self.index.set_num_threads(1)

    def vector(self, vector, text):
        return self.index.knn_query(vector, k=WANTED, num_threads=1)[0][0].tolist()


class Usearch:
    def __init__(self, dir, vectors, texts):
        from usearch.index import Index
        self.index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200,
                           expansion_search=256)
        self.index.add(np.arange(len(vectors)), vectors, threads=1)

    def vector(self, vector, text):
        return self.index.search(vector, WANTED, threads=1).keys.tolist()


class Sqlite:
    def __init__(self, dir, vectors, texts):
        # The interpreter's own module may be built without extensions.
        import apsw, sqlite_vec
        self.db = apsw.Connection(f"{dir}/all.db")
        self.db.enable_load_extension(True)
        self.db.load_extension(sqlite_vec.loadable_path())
        self.db.execute("create virtual table words using fts5(text, tokenize='porter unicode61')")
        self.db.execute(f"create virtual table near using vec0(v float[{vectors.shape[1]}] distance_metric=cosine)")
        with self.db:
            self.db.executemany("insert into words(rowid, text) values (?, ?)", enumerate(texts))
            self.db.executemany("insert into near(rowid, v) values (?, ?)",
                                ((n, row.tobytes()) for n, row in enumerate(vectors)))

    def near(self, vector, count):
        sql = "select rowid from near where v match ? and k = ? order by distance"
        return [it[0] for it in self.db.execute(sql, (vector.tobytes(), count))]

    def vector(self, vector, text):
        return self.near(vector, WANTED)

    def hybrid(self, vector, text):
        sql = "select rowid from words where words match ? order by rank limit ?"
        words = [it[0] for it in self.db.execute(sql, (terms(text), CANDIDATES))]
        return fused(words, self.near(vector, CANDIDATES))


class Chroma:
    def __init__(self, dir, vectors, texts):
        import chromadb
        from chromadb.config import Settings
        client = chromadb.PersistentClient(str(dir), settings=Settings(anonymized_telemetry=False))
        self.all = client.create_collection("all", metadata={"hnsw:space": "cosine", "hnsw:num_threads": 1})
        for at in range(0, len(texts), 2000):
            part = slice(at, at + 2000)
            ids = [str(n) for n in range(at, min(at + 2000, len(texts)))]
            self.all.add(ids=ids, embeddings=vectors[part].tolist(), documents=texts[part])

    def vector(self, vector, text):
        found = self.all.query(query_embeddings=[vector.tolist()], n_results=WANTED, include=[])
        return [int(it) for it in found["ids"][0]]


class Lance:
    def __init__(self, dir, vectors, texts):
        import lancedb, pyarrow as pa
        db = lancedb.connect(str(dir))
        kind = pa.list_(pa.float32(), vectors.shape[1])
        rows = pa.table({"id": pa.array(range(len(texts))), "text": texts,
                         "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])})
        self.all = db.create_table("all", rows)
        self.all.create_fts_index("text")

    def vector(self, vector, text):
        found = self.all.search(vector).distance_type("cosine").select(["id"]).limit(WANTED)
        return found.to_arrow()["id"].to_pylist()

    def hybrid(self, vector, text):
        near = self.all.search(vector).distance_type("cosine").select(["id"]).limit(CANDIDATES).to_arrow()
        plain = "".join(c if c.isalnum() else " " for c in text)
        words = self.all.search(plain, query_type="fts").select(["id"]).limit(CANDIDATES).to_arrow()
        return fused(words["id"].to_pylist(), near["id"].to_pylist())


PEERS = {"hnswlib": Hnswlib, "usearch": Usearch, "sqlite": Sqlite, "chroma": Chroma, "lancedb": Lance}
VERSIONS = {"sqlite": "sqlite-vec", "chroma": "chromadb"}


def main():
    name, dir = sys.argv[1], Path(sys.argv[2])
    width = int((dir / "dim").read_text())
    vectors = np.fromfile(dir / "vectors.f32", dtype=np.float32).reshape(-1, width)
    questions = np.fromfile(dir / "questions.f32", dtype=np.float32).reshape(-1, width)
    texts = [json.loads(line) for line in (dir / "texts.jsonl").open()]
    asked = [json.loads(line) for line in (dir / "questions.jsonl").open()]
    own = dir / name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    version = importlib.metadata.version(VERSIONS.get(name, name))
    before, began = resident(), time.process_time()
    peer = PEERS[name](own, vectors, texts)
    say(built_s=time.process_time() - began, resident=resident() - before, disk=on_disk(own),
        version=version)
    for line in sys.stdin:
        way = getattr(peer, line.strip(), None)
        if way is None:
            say(skipped="it has none")
            continue
        began = time.process_time()
        found = [way(vector, text) for vector, text in zip(questions, asked)]
        say(each_ms=(time.process_time() - began) * 1e3 / len(asked), found=found)


main()
