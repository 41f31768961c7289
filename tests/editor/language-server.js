// Drives a YAML language server as an editor does, and checks what it completes, explains and
// complains about in an experiment file. TAP.
//
//   node language-server.js PATH-OF-SERVER SCHEMA.json POLICY-SCHEMA.json CASES.txt
//
// CASES.txt holds cases: a line "== NAME", an experiment (a policy, where the name begins with "policy") with "|" where the cursor stands (`complete`
// and `hover` only), and lines that begin with "? ":
//   ? complete WORD…      each of these is offered          ? not WORD…   none of these is
//   ? hover TEXT          the explanation holds the text
//   ? good                no complaint
//   ? error LINE TEXT     a complaint in that line (from 1) holds the text
"use strict";
const { spawn } = require("child_process");
const fs = require("fs");

const DEADLINE_MS = 60000;
const [server, schemaFile, policyFile, casesFile] = process.argv.slice(2);

// --- the protocol: JSON-RPC with a Content-Length before each message ---
const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
let pending = Buffer.alloc(0), nextId = 1;
const answers = new Map(), complaints = new Map(), waiting = new Map();
const settings = {
	yaml: {
		schemas: {
			["file://" + fs.realpathSync(schemaFile)]: "experiment-*.yaml",
			["file://" + fs.realpathSync(policyFile)]: "policy-*.yaml",
		},
		schemaStore: { enable: false },
		validate: true, completion: true, hover: true,
	},
};

function send(message) {
	const text = JSON.stringify({ jsonrpc: "2.0", ...message });
	child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}
function ask(method, params) {
	const id = nextId++;
	send({ id, method, params });
	return new Promise((resolve) => answers.set(id, resolve));
}
function take(message) {
	if (message.method === "workspace/configuration")
		send({ id: message.id, result: message.params.items.map((i) => settings[i.section] || null) });
	else if (message.method === "textDocument/publishDiagnostics") {
		complaints.set(message.params.uri, message.params.diagnostics);
		if (waiting.has(message.params.uri))
			waiting.get(message.params.uri)(message.params.diagnostics);
	} else if (message.method && message.id !== undefined)
		send({ id: message.id, result: null });
	else if (answers.has(message.id))
		answers.get(message.id)(message.result);
}
child.stdout.on("data", (data) => {
	pending = Buffer.concat([pending, data]);
	for (;;) {
		const end = pending.indexOf("\r\n\r\n");
		const head = end < 0 ? null : /Content-Length: (\d+)/i.exec(pending.subarray(0, end).toString());
		if (!head || pending.length < end + 4 + Number(head[1]))
			return;
		take(JSON.parse(pending.subarray(end + 4, end + 4 + Number(head[1])).toString()));
		pending = pending.subarray(end + 4 + Number(head[1]));
	}
});

// --- the cases ---
function read() {
	const cases = [];
	for (const line of fs.readFileSync(casesFile, "utf8").split("\n")) {
		if (line.startsWith("== "))
			cases.push({ name: line.slice(3), text: [], checks: [] });
		else if (line.startsWith("? ") && cases.length)
			cases[cases.length - 1].checks.push(line.slice(2));
		else if (cases.length)
			cases[cases.length - 1].text.push(line);
	}
	return cases;
}

async function check(one, uri, at, errors) {
	const [what, ...words] = one.split(" ");
	if (what === "good")
		return errors.length === 0 ? "" : "complains: " + errors.map((e) => e.message).join("; ");
	if (what === "error") {
		const line = Number(words[0]) - 1, text = words.slice(1).join(" ");
		const there = errors.filter((e) => e.range.start.line <= line && line <= e.range.end.line);
		return there.some((e) => e.message.includes(text)) ? "" :
			`no "${text}" in line ${line + 1}, but: ` + errors.map((e) => `${e.range.start.line + 1}: ${e.message}`).join("; ");
	}
	const where = { textDocument: { uri }, position: at };
	if (what === "hover") {
		const answer = await ask("textDocument/hover", where);
		const said = answer ? answer.contents.value : "";
		return said.includes(words.join(" ")) ? "" : `it says: ${JSON.stringify(said)}`;
	}
	const answer = await ask("textDocument/completion", where);
	const offered = (answer.items || answer).map((i) => i.label);
	const wrong = words.filter((w) => offered.includes(w) !== (what === "complete"));
	return wrong.length === 0 ? "" : `${wrong.join(" ")}; offered: ${offered.join(" ")}`;
}

async function main() {
	await ask("initialize", {
		processId: process.pid, rootUri: null,
		capabilities: { workspace: { configuration: true }, textDocument: { hover: {}, completion: {} } },
	});
	send({ method: "initialized", params: {} });
	send({ method: "workspace/didChangeConfiguration", params: { settings } });
	let n = 0, failed = 0;
	for (const c of read()) {
		const uri = `file:///${c.name.startsWith("policy") ? "policy" : "experiment"}-${n + 1}.yaml`;
		let text = c.text.join("\n"), at = { line: 0, character: 0 };
		if (c.checks.some((k) => /^(complete|not|hover)/.test(k))) {
			const cut = text.indexOf("|"), before = text.slice(0, cut).split("\n");
			at = { line: before.length - 1, character: before[before.length - 1].length };
			text = text.slice(0, cut) + text.slice(cut + 1);
		}
		const told = new Promise((resolve) => waiting.set(uri, resolve));
		send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
		const errors = await told;
		const bad = [];
		for (const k of c.checks) {
			const why = await check(k, uri, at, errors);
			if (why)
				bad.push(`${k}: ${why}`);
		}
		n++;
		failed += bad.length > 0;
		console.log(`${bad.length ? "not ok" : "ok"} ${n} - editor: ${c.name}`);
		bad.forEach((b) => console.log(`# ${b}`));
	}
	console.log(`1..${n}`);
	child.kill();
	process.exit(failed || !n ? 1 : 0);
}

setTimeout(() => {
	console.log("not ok - the language server did not answer in time");
	child.kill();
	process.exit(1);
}, DEADLINE_MS).unref();
child.on("error", (e) => { console.log(`not ok - ${e.message}`); process.exit(1); });
main();
