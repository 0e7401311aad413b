// SPDX-License-Identifier: MIT
// Drives one page of headless Chromium for a test: a request per line of stdin, {"call", "with"}, an answer
// per line of stdout, {"ok": value} or {"error": text}. Ends with stdin. usage: node driver.mjs DIRECTORY of
// playwright-core
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const { chromium } = createRequire(join(process.argv[2], "package.json"))("playwright-core");
const TIMEOUT_MS = 15000;

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC" });
const page = await context.newPage();
page.setDefaultTimeout(TIMEOUT_MS);

const seen = { console: [], requests: [] };
page.on("console", message => {
	if (["error", "warning"].includes(message.type()))
		seen.console.push(`${message.type()}: ${message.text()} (${message.location().url})`);
});
page.on("pageerror", error => seen.console.push(`uncaught: ${error.message}`));
page.on("request", request => seen.requests.push(request.url()));

const calls = {
	open: ({ url }) => page.goto(url).then(() => null),
	reload: () => page.reload().then(() => null),
	// The value of an expression in the page, as JSON has it.
	evaluate: ({ expression }) => page.evaluate(expression),
	fill: ({ selector, text }) => page.fill(selector, text),
	press: ({ key }) => page.keyboard.press(key),
	click: ({ selector }) => page.click(selector),
	resize: ({ width, height }) => page.setViewportSize({ width, height }),
	media: features => page.emulateMedia(features),
	screenshot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => null),
	cookies: () => context.cookies(),
	seen: () => seen,
};

for await (const line of createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	let answer;
	try {
		answer = { ok: (await calls[request.call](request.with)) ?? null };
	} catch (error) {
		answer = { error: String(error.message) };
	}
	process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
