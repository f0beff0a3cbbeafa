// A server that speaks Ollama's protocol as far as Bailiwick uses it, over llama.cpp, for tests with a small
// real model: /api/version tags show chat generate embed pull delete. Streams are lines of JSON, `format` is
// a JSON Schema that llama.cpp holds the model to, unknown models are 404.
//
//   node shim.mjs --models DIR [--registry DIR] [--port N] [--threads N]
//
// DIR/NAME/TAG.gguf is the model NAME:TAG. What lies in the registry and not among the models can be pulled:
// it is copied. The first line on standard output is the address.

import {createHash} from "node:crypto";
import {createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync} from "node:fs";
import {createServer} from "node:http";
import {dirname, join} from "node:path";
import {parseArgs} from "node:util";
import {getLlama, LlamaChatSession} from "node-llama-cpp";
import {grammarOf} from "./grammar.mjs";

const {values: options} = parseArgs({options: {
    models: {type: "string"},
    registry: {type: "string"},
    port: {type: "string", default: "0"},
    threads: {type: "string", default: "2"},
}});
const BODY_BYTES_MAX = 8 << 20;
const CONTEXT_TOKENS = 4096;
const PREDICT_MAX = 4096;
const threads = Number(options.threads);
const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: "error"});

class Failure extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

// `smollm2` means `smollm2:latest`, as with Ollama. Names lead nowhere else.
function file(root, name) {
    const [model, tag = "latest"] = String(name ?? "").split(":");
    const plain = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
    if (!root || !plain.test(model) || !plain.test(tag))
        return null;
    return join(root, model, `${tag}.gguf`);
}

function there(name) {
    const path = file(options.models, name);
    if (!path || !existsSync(path))
        throw new Failure(404, `model '${name}' not found`);
    return path;
}

function listed() {
    const found = [];
    for (const model of existsSync(options.models) ? readdirSync(options.models) : []) {
        const dir = join(options.models, model);
        if (!statSync(dir).isDirectory())
            continue;
        for (const entry of readdirSync(dir).filter((entry) => entry.endsWith(".gguf"))) {
            const name = `${model}:${entry.slice(0, -".gguf".length)}`;
            const {size, mtime} = statSync(join(dir, entry));
            const digest = createHash("sha256").update(`${name} ${size}`).digest("hex");
            const details = {parent_model: "", format: "gguf", family: model, families: [model], parameter_size: "", quantization_level: ""};
            found.push({name, model: name, modified_at: mtime.toISOString(), size, digest, details});
        }
    }
    return found.sort((a, b) => a.name.localeCompare(b.name));
}

// One model and one context are loaded at a time: the machines that test are small.
let loaded = null;

async function load(path, contextTokens) {
    if (loaded?.path === path && loaded.contextTokens === contextTokens)
        return loaded;
    await loaded?.model.dispose();
    loaded = null;
    const model = await llama.loadModel({modelPath: path});
    const contextSize = Math.min(contextTokens, model.trainContextSize ?? contextTokens);
    const context = await model.createContext({contextSize, threads});
    loaded = {path, contextTokens, model, context, sequence: context.getSequence()};
    return loaded;
}

// Requests are answered one after the other.
let turn = Promise.resolve();
function inTurn(work) {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
}

// The library's own grammars of schemas know neither `anyOf` nor what is not required.
async function heldTo(format) {
    if (!format)
        return undefined;
    if (format === "json")
        return await llama.getGrammarFor("json");
    try {
        return await llama.createGrammar({grammar: grammarOf(format)});
    } catch (error) {
        throw new Failure(400, `invalid format: ${error.message}`);
    }
}

async function complete(body, history, question, signal, onText) {
    const begun = process.hrtime.bigint();
    const {sequence} = await load(there(body.model), Number(body.options?.num_ctx ?? CONTEXT_TOKENS));
    const grammar = await heldTo(body.format);
    const session = new LlamaChatSession({contextSequence: sequence, autoDisposeSequence: false});
    session.setChatHistory(history);
    const before = sequence.tokenMeter.getState();
    const limit = Number(body.options?.num_predict ?? PREDICT_MAX);
    try {
        const answer = await session.promptWithMeta(question, {
            grammar,
            signal,
            stopOnAbortSignal: true,
            maxTokens: limit > 0 ? Math.min(limit, PREDICT_MAX) : PREDICT_MAX,
            temperature: Number(body.options?.temperature ?? 0),
            seed: body.options?.seed,
            onTextChunk: onText,
        });
        const used = sequence.tokenMeter.diff(before);
        return {
            done: true,
            done_reason: answer.stopReason === "maxTokens" ? "length" : "stop",
            total_duration: Number(process.hrtime.bigint() - begun),
            prompt_eval_count: used.usedInputTokens,
            eval_count: used.usedOutputTokens,
        };
    } finally {
        session.dispose({disposeSequence: false});
    }
}

function parted(messages) {
    if (!Array.isArray(messages) || messages.length === 0)
        throw new Failure(400, "messages: at least one is needed");
    const last = messages[messages.length - 1];
    const history = messages.slice(0, -1).map(({role, content}) =>
        role === "assistant"
            ? {type: "model", response: [String(content)]}
            : {type: role === "system" ? "system" : "user", text: String(content)});
    return {history, question: String(last.content)};
}

async function answer(body, response, signal, parts, piece) {
    there(body.model);
    const head = () => ({model: body.model, created_at: new Date().toISOString()});
    const streams = body.stream !== false;
    let whole = "";
    const end = await inTurn(() => complete(body, parts.history, parts.question, signal, (text) => {
        whole += text;
        if (streams)
            line(response, {...head(), ...piece(text), done: false});
    }));
    line(response, {...head(), ...piece(streams ? "" : whole), ...end});
}

async function pull(body, response) {
    const name = body.model ?? body.name;
    const target = file(options.models, name);
    line(response, {status: "pulling manifest"});
    if (target && !existsSync(target)) {
        const source = file(options.registry, name);
        if (!source || !existsSync(source)) {
            line(response, {error: "pull model manifest: file does not exist"});
            return;
        }
        await copied(source, target, response);
    } else if (!target) {
        line(response, {error: "invalid model name"});
        return;
    }
    for (const status of ["verifying sha256 digest", "writing manifest", "success"])
        line(response, {status});
}

// A file is there in whole or not at all.
async function copied(source, target, response) {
    const total = statSync(source).size;
    const digest = `sha256:${createHash("sha256").update(source).digest("hex")}`;
    mkdirSync(dirname(target), {recursive: true});
    const out = createWriteStream(`${target}.part`);
    let completed = 0;
    for await (const chunk of createReadStream(source, {highWaterMark: 4 << 20})) {
        if (!out.write(chunk))
            await new Promise((resolve) => out.once("drain", resolve));
        completed += chunk.length;
        line(response, {status: `pulling ${digest.slice(7, 19)}`, digest, total, completed});
    }
    await new Promise((resolve) => out.end(resolve));
    renameSync(`${target}.part`, target);
}

async function embed(body, response) {
    const path = there(body.model);
    const inputs = Array.isArray(body.input) ? body.input : [body.input];
    const embeddings = await inTurn(async () => {
        const {model} = await load(path, CONTEXT_TOKENS);
        const context = await model.createEmbeddingContext({threads});
        try {
            const vectors = [];
            for (const input of inputs)
                vectors.push([...(await context.getEmbeddingFor(String(input))).vector]);
            return vectors;
        } finally {
            await context.dispose();
        }
    });
    line(response, {model: body.model, embeddings});
}

async function show(body, response) {
    const path = there(body.model ?? body.name);
    const {model} = await inTurn(() => load(path, loaded?.path === path ? loaded.contextTokens : CONTEXT_TOKENS));
    const {architecture} = model.fileInfo.metadata.general;
    line(response, {
        license: "", modelfile: "", parameters: "", template: "",
        details: {parent_model: "", format: "gguf", family: architecture, families: [architecture], parameter_size: "", quantization_level: ""},
        model_info: {"general.architecture": architecture, [`${architecture}.context_length`]: model.trainContextSize},
        capabilities: ["completion"],
    });
}

function remove(body, response) {
    rmSync(there(body.model ?? body.name));
    response.end();
}

function line(response, value) {
    if (!response.headersSent)
        response.writeHead(200, {"content-type": "application/x-ndjson"});
    response.write(JSON.stringify(value) + "\n");
}

async function read(request) {
    const chunks = [];
    let bytes = 0;
    for await (const chunk of request) {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX)
            throw new Failure(413, "the request is too large");
        chunks.push(chunk);
    }
    if (bytes === 0)
        return {};
    try {
        return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch (error) {
        throw new Failure(400, `not JSON: ${error.message}`);
    }
}

const ROUTES = {
    "GET /": async (_, response) => response.end("Ollama is running"),
    "GET /api/version": async (_, response) => line(response, {version: "0.0.0-shim"}),
    "GET /api/tags": async (_, response) => line(response, {models: listed()}),
    "POST /api/show": show,
    "POST /api/chat": (body, response, signal) =>
        answer(body, response, signal, parted(body.messages), (content) => ({message: {role: "assistant", content}})),
    "POST /api/generate": (body, response, signal) =>
        answer(body, response, signal, parted([{role: "system", content: body.system ?? ""}, {role: "user", content: body.prompt ?? ""}]
            .filter(({role, content}) => role === "user" || content)), (text) => ({response: text})),
    "POST /api/embed": embed,
    "POST /api/pull": pull,
    "DELETE /api/delete": async (body, response) => remove(body, response),
};

const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    try {
        const route = ROUTES[`${request.method} ${new URL(request.url, "http://x").pathname}`];
        if (!route)
            throw new Failure(404, "404 page not found");
        await route(await read(request), response, gone.signal);
        response.end();
    } catch (error) {
        if (gone.signal.aborted)
            return;
        if (response.headersSent) {
            line(response, {error: error.message});
        } else {
            response.writeHead(error.status ?? 500, {"content-type": "application/json"});
            response.write(JSON.stringify({error: error.message}));
        }
        response.end();
    }
});
server.listen(Number(options.port), "127.0.0.1", () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
});
for (const signal of ["SIGINT", "SIGTERM"])
    process.on(signal, () => process.exit(0));
