// What lint says in SARIF is valid by the schema of SARIF 2.1.0, and each result names its rule. TAP.
//
//   node sarif.js FOLDER-OF-PACKAGES SQUALL FILE…
"use strict";
const { spawnSync } = require("child_process");
const path = require("path");

const [folder, squall, ...files] = process.argv.slice(2);
// That package brings the schema, and the validator that knows its draft.
const sarif = path.resolve(folder, "node_modules/@microsoft/jest-sarif");
const from = (name) => require(require.resolve(name, { paths: [sarif] }));
const Ajv = from("ajv"), schema = require(path.join(sarif, "lib/schemas/sarif-2.1.0-rtm.5.json"));
const ajv = new Ajv({ schemaId: "auto", allErrors: true, unknownFormats: "ignore", logger: false });
ajv.addMetaSchema(from("ajv/lib/refs/json-schema-draft-04.json"));
const valid = ajv.compile(schema);
let n = 0, failed = 0;

function tap(good, name, notes) {
	n++;
	failed += !good;
	console.log(`${good ? "ok" : "not ok"} ${n} - sarif: ${name}`);
	if (!good)
		console.log(`# ${JSON.stringify(notes)}`);
}
function lint(...names) {
	return JSON.parse(spawnSync(squall, ["lint", "--format", "sarif", ...names]).stdout);
}

const all = lint(...files), run = all.runs[0];
tap(valid(all), "all files at once are valid", valid.errors);
tap(run.results.length > 50, "and give results", run.results.length);
tap(run.results.every((r) => run.tool.driver.rules[r.ruleIndex].id === r.ruleId), "each result names its rule");
tap(run.results.every((r) => /^[A-Za-z0-9._~!$&'()*+,;=@%:/-]+$/.test(r.locations[0].physicalLocation.artifactLocation.uri)),
	"places are URIs");
const none = lint(path.join(__dirname, "everything.yaml"));
tap(valid(none) && none.runs[0].results.length === 0, "a file without problems is valid and gives none", valid.errors);
const lost = lint("no such/ü.yaml");
tap(valid(lost) && !lost.runs[0].invocations[0].executionSuccessful, "a file that cannot be read is told", valid.errors);
tap(lost.runs[0].invocations[0].toolExecutionNotifications[0].locations[0].physicalLocation.artifactLocation.uri ===
	"no%20such/%C3%BC.yaml", "by its name, percent-encoded", lost);
all.runs[0].results[0].level = "loud";
tap(!valid(all), "the check itself: a level that SARIF does not know is found out");
console.log(`1..${n}`);
process.exit(failed ? 1 : 0);
