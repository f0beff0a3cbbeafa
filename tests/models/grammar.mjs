// A grammar of llama.cpp (GBNF) that lets exactly the JSON through that a schema describes, as far as tools and
// plans use schemas: types, enum, const, anyOf and oneOf, bounds of arrays and texts, required and further
// properties, patterns of plain classes. Properties come in the order of the schema. Other patterns and bounds of
// numbers are left to whoever reads the answer.

// Longer texts are not counted: a grammar holds a rule for each character it counts.
const COUNTED_CHARS_MAX = 600;

const BASE = [
    'space ::= [ \\n]?',
    'char ::= [^"\\\\\\x00-\\x1F\\x7F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])',
    'integer ::= "-"? ("0" | [1-9] [0-9]{0,14})',
    'number ::= integer ("." [0-9]{1,9})? ([eE] [-+]? [0-9]{1,3})?',
    'boolean ::= "true" | "false"',
    'null ::= "null"',
    'string ::= "\\"" char* "\\""',
    'pair ::= string ":" space value',
    'object ::= "{" space (pair ("," space pair)*)? space "}"',
    'array ::= "[" space (value ("," space value)*)? space "]"',
    'value ::= object | array | string | number | boolean | null',
];

const literal = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
const exactly = (value) => literal(JSON.stringify(value));

export function grammarOf(schema) {
    const rules = [];
    // Gives the name of a new rule.
    const rule = (body) => {
        const name = `r${rules.length}`;
        rules.push(`${name} ::= ${body}`);
        return name;
    };
    const root = form(schema, rule);
    return [`root ::= ${root} space`, ...rules, ...BASE].join("\n");
}

function form(schema, rule) {
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices)
        return rule(choices.map((choice) => form(choice, rule)).join(" | "));
    if ("const" in schema)
        return exactly(schema.const);
    if (schema.enum)
        return rule(schema.enum.map(exactly).join(" | "));
    if (Array.isArray(schema.type))
        return rule(schema.type.map((type) => form({...schema, type}, rule)).join(" | "));
    switch (schema.type) {
        case "object":
            return schema.properties ? objectOf(schema, rule) : "object";
        case "array":
            return schema.items || schema.minItems ? arrayOf(schema, rule) : "array";
        case "string":
            return textOf(schema, rule);
        case "integer":
        case "number":
        case "boolean":
        case "null":
            return schema.type;
        case undefined:
            return "value";
        default:
            throw new Error(`type ${JSON.stringify(schema.type)} is not known`);
    }
}

// A pattern of signs, classes and how often each comes, as a sequence; nothing for any other.
function sequenceOf(pattern) {
    const atoms = pattern?.match(/^\^((?:\[[^\]\\]+\]|[^\\()|.[\]{}*+?^$"])(?:\{\d+(?:,\d*)?\}|[*+?])?)+\$$/)
        ? pattern.slice(1, -1).match(/(?:\[[^\]]+\]|.)(?:\{[\d,]+\}|[*+?])?/g)
        : null;
    return atoms?.map((atom) => atom.startsWith("[") ? atom : `${literal(atom[0])}${atom.slice(1)}`).join(" ");
}

function textOf({minLength = 0, maxLength, pattern}, rule) {
    const sequence = sequenceOf(pattern);
    if (sequence)
        return rule(`"\\"" ${sequence} "\\""`);
    const most = maxLength !== undefined && maxLength <= COUNTED_CHARS_MAX ? maxLength : "";
    if (minLength === 0 && most === "")
        return "string";
    return rule(`"\\"" char{${Math.min(minLength, COUNTED_CHARS_MAX)},${most}} "\\""`);
}

function arrayOf({items = {}, minItems = 0, maxItems}, rule) {
    if (maxItems === 0)
        return rule('"[" space "]"');
    const item = form(items, rule);
    const more = `("," space ${item}){${Math.max(0, minItems - 1)},${maxItems === undefined ? "" : maxItems - 1}}`;
    const some = rule(`${item} ${more}`);
    return rule(`"[" space ${minItems > 0 ? some : `${some}?`} space "]"`);
}

// `tails[first]` are the properties from one on, where one stood before or none did.
function objectOf({properties, required = [], additionalProperties = true}, rule) {
    const further = additionalProperties === false ? null : additionalProperties === true ? "pair" : rule(`string ":" space ${form(additionalProperties, rule)}`);
    let tails = further
        ? {first: rule(`(${further} ("," space ${further})*)?`), later: rule(`("," space ${further})*`)}
        : {first: '""', later: '""'};
    for (const [key, schema] of Object.entries(properties).reverse()) {
        const pair = rule(`${exactly(key)} ":" space ${form(schema, rule)}`);
        const here = {first: `${pair} ${tails.later}`, later: `"," space ${pair} ${tails.later}`};
        const optional = !required.includes(key);
        tails = {
            first: rule(optional ? `${here.first} | ${tails.first}` : here.first),
            later: rule(optional ? `${here.later} | ${tails.later}` : here.later),
        };
    }
    return rule(`"{" space ${tails.first} space "}"`);
}
