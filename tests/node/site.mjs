// The pages in Chromium, as people use them: `node site.mjs journey|audit`. The environment says where the service is
// (SITE_URL), how to publish (SITE_TOKEN), where its mail lies (SITE_MAIL), where pictures go (SITE_SCREENSHOTS), and which
// pages are audited (SITE_LANGUAGE, SITE_SCHEMES).
// Prints a line for each claim, and ends with 1 where one does not hold.
import { chromium } from "playwright-core";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const { SITE_URL: url, SITE_TOKEN: token, SITE_MAIL: mail, SITE_SCREENSHOTS: pictures } = process.env;
const executablePath = process.env.PLENARY_TEST_CHROMIUM ?? "/usr/bin/chromium";
const slug = process.env.SITE_SLUG;
const site = `${url}/conferences/${slug}`;
const phone = { viewport: { width: 375, height: 720 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
let failed = 0;

const claim = (what, holds, seen) => {
  if (!holds) failed += 1;
  console.log(holds ? `ok   ${what}` : `FAIL ${what}: ${JSON.stringify(seen)}`);
};

const api = async (method, rest, body) => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/api/v1/conferences/${slug}${rest}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${rest}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

// The link in the latest letter to an address (quoted-printable, RFC 2045, 6.7).
const linkIn = async (address, subject) => {
  for (let tries = 0; tries < 600; tries += 1) {
    for (const file of readdirSync(mail).filter((name) => name.endsWith(".eml"))) {
      const letter = readFileSync(path.join(mail, file), "latin1").replace(/=\r?\n/g, "").replace(/=3D/gi, "=");
      if (letter.includes(`<${address}>`) && (!subject || letter.includes(subject))) {
        const link = letter.match(/https?:\/\/[^\s"<]*token=[\w-]+/);
        if (link) return link[0];
      }
    }
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`no letter came to ${address}`);
};

const shoot = async (page, name) => {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
};

const fillIn = async (page, name, address) => {
  await page.fill("[name=given_name]", name);
  await page.fill("[name=family_name]", "Exemple");
  await page.fill("[name=email]", address);
};

const register = async (context, language, name, address) => {
  const page = await context.newPage();
  await page.goto(`${site}/${language}`);
  await page.click("main a[href$='/register']");
  await page.click("a[href*='category=press']");
  await fillIn(page, name, address);
  // Without consent it is refused, by the browser where it knows how to, and by the service.
  await page.evaluate(() => document.querySelectorAll("form").forEach((form) => form.noValidate = true)).catch(() => {});
  await page.selectOption("[name=country]", "RW");
  return page;
};

async function journey() {
  // A phone, in French, without JavaScript.
  const plain = await browser.newContext({ ...phone, locale: "fr-BE", javaScriptEnabled: false });
  const first = await register(plain, "fr", "Première", "premiere@example.org");
  await first.fill("[name=email]", "premiere");
  await first.locator("form[method=post] button").click();
  // The browser itself refuses what is no address: nothing was sent.
  claim("what the browser can judge it judges", first.url().includes("category=press"), first.url());
  await first.fill("[name=email]", "premiere@example.org");
  await first.fill("[name=phone]", "12");
  await first.check("[name=consent]");
  await first.locator("form[method=post] button").click();
  await first.waitForSelector("[role=alert]");
  claim("a refused form keeps what was typed", await first.inputValue("[name=given_name]") === "Première", await first.inputValue("[name=given_name]"));
  claim("and what was chosen", await first.inputValue("[name=country]") === "RW", await first.inputValue("[name=country]"));
  claim("the fault stands beside its control", await first.getAttribute("[name=phone]", "aria-invalid") === "true", await first.content());
  await shoot(first, "register-refused-phone-fr");
  await first.fill("[name=phone]", "");
  await first.check("[name=consent]");
  await first.locator("form[method=post] button").click();
  await first.waitForURL(/register\/sent/);
  claim("a letter is announced", (await first.textContent("h1")).includes("messagerie"), await first.textContent("h1"));
  await first.goto(await linkIn("premiere@example.org"));
  claim("the link opens the page in French", await first.getAttribute("html", "lang") === "fr", first.url());
  await first.click("form[action*='/verify'] button");
  await first.waitForSelector(".qr svg");
  claim("verified, the seat is theirs", (await first.textContent("h1")).includes("confirmée"), await first.textContent("h1"));
  await shoot(first, "registration-phone-fr");

  // The category is full now. With JavaScript.
  const scripted = await browser.newContext({ ...phone, locale: "en-GB" });
  const second = await scripted.newPage();
  await second.goto(`${site}/en/register`);
  claim("a full category says that there is a waiting list", (await second.textContent("main")).includes("waiting list"), await second.textContent("main"));
  await shoot(second, "register-choice-phone");
  await second.click("a[href*='category=press']");
  await fillIn(second, "Second", "second@example.org");
  await second.check("[name='answers.diet'][value=other]");
  claim("a question that depends on an answer appears with it", await second.isVisible("[name='answers.which']"), false);
  await second.fill("[name='answers.which']", "fish");
  await second.check("[name='answers.diet'][value=all]");
  claim("and goes with it", !(await second.isVisible("[name='answers.which']")), true);
  await second.check("[name=consent]");
  await second.locator("form[method=post] button").click();
  await second.waitForURL(/register\/sent/);
  await second.goto(await linkIn("second@example.org"));
  await second.click("form[action*='/verify'] button");
  await second.waitForSelector("text=You are on the waiting list");
  claim("the next one waits, as the first", (await second.textContent("main")).includes("number 1"), await second.textContent("main"));

  // The first cancels: the next is promoted.
  await first.click("a[href*='/cancel?']");
  await first.click("form[action*='/cancel'] button");
  await first.waitForSelector("text=Votre inscription est annulée");
  claim("cancelled, the code is gone", await first.locator(".qr").count() === 0, await first.content());
  await second.reload();
  claim("whoever waited has the seat", (await second.textContent("h1")).includes("confirmed"), await second.textContent("h1"));
  await shoot(second, "registration-phone");

  // A release is published: the page that is open shows it.
  const reader = await (await browser.newContext()).newPage();
  await reader.goto(`${site}/en/programme`);
  const navigations = [];
  reader.on("framenavigated", () => navigations.push(reader.url()));
  const listening = reader.waitForResponse((response) => response.url().includes("/programme/events"));
  await reader.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await listening;
  await reader.check("#choose-opening");
  await reader.evaluate(() => {
    window.heard = [];
    const region = document.getElementById("said");
    new MutationObserver(() => region.textContent && window.heard.push(region.textContent)).observe(region, { childList: true });
  });
  await api("POST", "/agenda/rooms", { code: "annex", name: { en: "Annex", fr: "Annexe" } });
  await api("PATCH", "/agenda/sessions/opening", { title: { en: "Opening by the host" }, starts_at: "2030-05-01T09:30", room: "annex" });
  await api("POST", "/agenda/sessions", { code: "toast", kind: "social", title: "A toast", starts_at: "2030-05-01T18:00", ends_at: "2030-05-01T19:00" });
  await api("POST", "/releases", {});
  await reader.waitForSelector("h3:has-text('Opening by the host')", { timeout: 60_000 });
  claim("an open programme shows a release without reloading", navigations.length === 0, navigations);
  claim("what was chosen stays chosen", await reader.isChecked("#choose-opening"), false);
  await reader.waitForFunction(() => document.getElementById("said").textContent !== "");
  const said = "The programme has changed. Opening: Changed: now 09:30 in Annex. Now called “Opening by the host”. New: A toast.";
  claim("and says what changed, to screen readers, too", await reader.textContent("#said") === said, await reader.textContent("#said"));
  const notes = await reader.locator(".changed").allTextContents();
  claim("beside each session that changed", notes.join() === "Changed: now 09:30 in Annex. Now called “Opening by the host”.,New", notes);
  await shoot(reader, "programme-changed");
  // A release that changes nothing here; what is heard is compared below.
  await api("PATCH", "/agenda/speakers/bob", { position: "Analyst" });
  const again = reader.waitForResponse((response) => response.url() === `${site}/en/programme`);
  await api("POST", "/releases", {});
  await again;
  const closed = await (await browser.newContext()).newPage();
  await closed.goto(`${site}/en/sessions/toast`);
  const hearing = closed.waitForResponse((response) => response.url().includes("/programme/events"));
  await closed.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await hearing;
  await fetch(`${url}/api/v1/conferences/${slug}/agenda/sessions/toast`, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  await api("POST", "/releases", {});
  await closed.waitForSelector("#gone", { timeout: 60_000 });
  claim("a session that is called off says so", await closed.textContent("#gone") === "This is no longer in the programme.", await closed.textContent("#gone"));
  await reader.waitForSelector("article#toast", { state: "detached", timeout: 60_000 });
  await reader.waitForFunction(() => document.getElementById("said").textContent.includes("No longer"));
  const heard = await reader.evaluate(() => window.heard);
  const lost = "The programme has changed. No longer here: A toast.";
  claim("and the programme says what is gone, and nothing where nothing changed", heard.join("|") === `${said}|${lost}`, heard);
  const left = await reader.locator(".changed").allTextContents();
  claim("for eyes, too, and what changed before stays", left.join() === "No longer here: A toast.,Changed: now 09:30 in Annex. Now called “Opening by the host”.", left);
  await api("PATCH", "/agenda/sessions/opening", { ends_at: "2030-05-01T10:15" });
  await api("POST", "/releases", {});
  await reader.waitForSelector("#opening .changed:text-is('Changed: now 09:30–10:15.')", { timeout: 60_000 });
  claim("a session that lasts longer says until when", await reader.locator("#opening .changed").count() === 1, await reader.content());

  // One programme: the sessions of the registration, and those that were ticked on this device.
  const owner = await scripted.newPage();
  await owner.goto(`${site}/en/programme`);
  await owner.check("#choose-opening");
  await owner.goto(second.url());
  await owner.click(".acts a[href*='/my-programme']");
  await owner.waitForURL(/session=opening/);
  claim("what was ticked stands in the programme of the registration", (await owner.textContent("main")).includes("Opening by the host"), owner.url());
  await shoot(owner, "own-programme");

  // One's own programme, with and without JavaScript; by keyboard alone.
  await reader.goto(`${site}/en/my-programme`);
  await reader.waitForURL(/session=opening/);
  claim("one's own programme is kept in the browser", (await reader.textContent("main")).includes("Opening by the host"), reader.url());
  const calendar = await (await fetch(new URL(await reader.getAttribute("a[href*='programme.ics']:has-text('alendar')", "href"), url))).text();
  claim("and goes into a calendar", calendar.includes("BEGIN:VEVENT") && calendar.includes("Opening by the host"), calendar);
  const unscripted = await plain.newPage();
  await unscripted.goto(`${site}/fr/programme`);
  await unscripted.check("#choose-opening");
  await unscripted.locator("form[action$='/my-programme'] button[type=submit]").last().click();
  await unscripted.waitForURL(/session=opening/);
  claim("without JavaScript the address keeps it", (await unscripted.textContent("main")).length > 0, unscripted.url());
  const keyboard = await (await browser.newContext()).newPage();
  await keyboard.goto(`${site}/en/programme`);
  await keyboard.keyboard.press("Tab");
  claim("the first key leads to the content", await keyboard.evaluate(() => document.activeElement.className) === "skip", await keyboard.evaluate(() => document.activeElement.outerHTML));
  await keyboard.keyboard.press("Enter");
  claim("and Enter goes there", await keyboard.evaluate(() => document.activeElement.id) === "main", keyboard.url());
  const ring = await keyboard.evaluate(() => { const link = document.querySelector("main a"); link.focus({ focusVisible: true }); return getComputedStyle(link).outlineStyle; });
  claim("what has the focus is seen", ring !== "none", ring);
}

async function audit() {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const own = process.env.SITE_OWN;
  const delegation = process.env.SITE_DELEGATION;
  const pages = {
    front: "", programme: "/programme", filtered: "/programme?kind=thematic", session: "/sessions/law-session",
    "high-level": "/sessions/high-level-political-session", speakers: "/speakers", speaker: "/speakers/ban-ki-moon",
    "call-for-action": "/call-for-action", "my-programme": "/my-programme?session=opening", "my-programme-empty": "/my-programme",
    register: "/register", "register-form": `/register?category=${process.env.SITE_CATEGORY}`, sent: "/register/sent", nothing: "/nothing",
    void: "/registrations/X-1?token=x", own: own, change: own.replace("?", "/change?"), sessions: own.replace("?", "/sessions?"),
    cancel: own.replace("?", "/cancel?"), "own-programme": own.replace("?", "/my-programme?"), delegation,
    privacy: "/privacy", legal: "/legal", accessibility: "/accessibility", information: "/information", "information-page": "/information/visa",
  };
  const { SITE_LANGUAGE: language, SITE_SCHEMES: schemes } = process.env;
  const everything = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
  // A theme changes colours alone: what does not depend on them is the same as in the light one.
  const colours = { type: "rule", values: ["color-contrast", "link-in-text-block"] };
  const folder = mkdtempSync(path.join(tmpdir(), "plenary-pages-"));
  for (const colorScheme of schemes.split(" ")) {
    for (const width of [320, 1280]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const errors = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => message.type() === "error" && !/status of 40[14]/.test(message.text()) && errors.push(message.text()));
      page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") || errors.push(`asks ${request.url()}`));
      for (const [name, rest] of Object.entries(pages)) {
        await page.goto(`${site}/${language}${rest}`);
        await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
        await page.evaluate(axe);
        const result = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] }), colorScheme === "light" ? everything : colours);
        const violations = result.violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        claim(`${name} ${language} ${colorScheme} ${width}: axe finds nothing, nothing overflows, no script fails`, violations.length === 0 && over <= 0 && errors.length === 0, { violations, over, errors });
        errors.length = 0;
        const main = ["front", "programme", "high-level", "register-form", "own", "call-for-action", "delegation", "privacy", "information-page", "own-programme"].includes(name);
        if (main && language === "en") await shoot(page, `${name}-${width === 320 ? "phone" : "desk"}-${colorScheme}`);
        if (width === 320 && colorScheme === "light") {
          const html = await (await fetch(`${site}/${language}${rest}`, { headers: { accept: "text/html" } })).text();
          writeFileSync(path.join(folder, `${name}-${language}.html`), html);
        }
      }
      if (width === 1280 && colorScheme === "light" && pictures && language === "en") {
        await page.goto(`${site}/en/programme`);
        await page.pdf({ path: path.join(pictures, "programme-print.pdf"), format: "A4" });
        await page.emulateMedia({ media: "print" });
        await shoot(page, "programme-print");
      }
      await context.close();
    }
  }
  const weight = async (address) => Number((await fetch(address, { headers: { "accept-encoding": "br", accept: "text/html" } })).headers.get("content-length"));
  const html = await (await fetch(`${site}/${language}/programme`, { headers: { accept: "text/html" } })).text();
  const assets = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map((match) => match[1]);
  let bytes = await weight(`${site}/${language}/programme`);
  for (const asset of assets) bytes += await weight(url + asset);
  claim(`the programme page weighs ${bytes} bytes, under 60 KB`, bytes > 0 && bytes < 60_000, bytes);
  const jar = createRequire(import.meta.url)("vnu-jar");
  let said = "";
  try { execFileSync("java", ["-jar", jar, "--errors-only", "--format", "gnu", folder], { stdio: "pipe" }); } catch (error) { said = String(error.stderr); }
  claim("the Nu validator finds no error", said === "", said.slice(0, 2000));
  rmSync(folder, { recursive: true });
}

await (process.argv[2] === "audit" ? audit() : journey());
await browser.close();
process.exit(failed ? 1 : 0);
