import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { script } from '../scripts/modules.js';
import { FakeEngine } from '../support/fake-engine.js';
import { type TestOptions, testKeys, testServer, script as words } from '../support/server.js';

interface Chromium {
  readonly HOW_TO_INSTALL: string;
  findChromium(): string | null;
}

const { HOW_TO_INSTALL, findChromium } = await script<Chromium>('chromium.mjs');
const executablePath = findChromium();

/** An expression of the page: fields that a screen reader has no name for. */
const UNNAMED_FIELDS = `[...document.querySelectorAll('input, select, textarea')]
  .filter((field) => !field.ariaLabel && field.labels.length === 0).length`;

if (executablePath === null) t.test('the page in a browser', { skip: HOW_TO_INSTALL }, () => undefined);
else testPage(await chromium.launch({ executablePath, args: ['--disable-gpu'] }));

function testPage(browser: Browser): void {
  t.teardown(() => browser.close());
  const test = (name: string, options: TestOptions, body: (t: Test, page: Page) => Promise<void>) =>
    t.test(name, async (t) => {
      const app = testServer(options);
      await app.listen({ host: '127.0.0.1', port: 0 });
      const page = await browser.newPage();
      t.teardown(async () => {
        await page.close();
        await app.close();
      });
      const complaints = complaintsOf(page);
      await page.goto(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`);
      await body(t, page);
      t.strictSame(complaints, []);
    });

  test(
    'a message is answered word by word, with times',
    { engine: new FakeEngine({ delayMs: 20 }) },
    async (t, page) => {
      await page.getByLabel('Max tokens').fill('40');
      await say(page, 'Hello');
      const answer = page.locator('.answer .text').last();
      await textIn(page);
      const early = (await answer.textContent()) ?? '';
      await page
        .getByText(/first token after \d+ ms · 40 tokens · [\d.]+ tokens\/s/)
        .first()
        .waitFor();
      const whole = (await answer.textContent()) ?? '';
      t.ok(whole.startsWith(early) && whole.length > early.length, 'its beginning was there before its end');
    },
  );

  const stopped = new FakeEngine({ delayMs: 50 });
  test(
    'an answer stops by the button, by Escape, and on the server',
    { engine: stopped },
    async (t, page) => {
      for (const stop of [
        () => page.getByRole('button', { name: 'Stop' }).click(),
        () => page.keyboard.press('Escape'),
      ]) {
        await say(page, 'Hello');
        await textIn(page);
        await stop();
        await page
          .locator('.answer')
          .last()
          .getByText(/· stopped$/)
          .waitFor();
        t.ok(await page.getByRole('button', { name: 'Send' }).isVisible());
      }
      await until(() => stopped.numRunning === 0);
      t.equal(stopped.numAborted, 2);
    },
  );

  const asked = new FakeEngine();
  test(
    'what was said goes along with the next message, and a new chat forgets it',
    { engine: asked },
    async (t, page) => {
      await page.getByLabel('Max tokens').fill('2');
      const lengths: (number | undefined)[] = [];
      for (const text of ['One', 'Two']) {
        await say(page, text);
        await page.locator('.answer[aria-busy=false]').nth(lengths.length).waitFor();
        lengths.push(asked.requests.at(-1)?.promptTokenIds.length);
      }
      t.ok(Number(lengths[1]) > Number(lengths[0]));
      await page.getByRole('button', { name: 'New chat' }).click();
      t.equal(await page.locator('.message').count(), 0);
      await say(page, 'One');
      await page.locator('.answer[aria-busy=false]').waitFor();
      t.equal(asked.requests.at(-1)?.promptTokenIds.length, lengths[0]);
    },
  );

  test(
    'a key is asked for, kept for the tab alone, and never shown',
    { apiKeys: testKeys(['secret']) },
    async (t, page) => {
      await page.getByRole('alert').getByText('This server asks for a key').waitFor();
      t.equal(await page.evaluate('document.activeElement.name'), 'key');
      await page.getByLabel('API key').fill('secret');
      await page.getByLabel('API key').blur();
      await page.locator('select option', { hasText: 'fable' }).waitFor({ state: 'attached' });
      await page.reload();
      await page.locator('select option', { hasText: 'fable' }).waitFor({ state: 'attached' });
      t.equal(await page.evaluate('localStorage.length'), 0);
      t.equal(await page.getByLabel('API key').getAttribute('type'), 'password');
    },
  );

  test('a refusal is shown in words, and the message can be sent again', {}, async (t, page) => {
    await page.getByLabel('Max tokens').fill('100000');
    await say(page, 'Hello');
    await page
      .getByRole('alert')
      .getByText(/max_tokens|context/)
      .waitFor();
    await page.getByLabel('JSON schema').fill('{');
    await say(page, 'Hello');
    await page.getByRole('alert').getByText('The JSON schema is not valid JSON').waitFor();
    t.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'Hello');
  });

  test(
    'an engine that fails in mid-answer is told, and what came stays',
    { engine: new FakeEngine({ failAfter: 3, script: words('Once upon a time there was') }) },
    async (t, page) => {
      await say(page, 'Hello');
      await page.getByRole('alert').getByText('The engine has failed').waitFor();
      t.match(await page.locator('.answer .text').last().textContent(), /^Once/);
    },
  );

  test('the charts follow the load', { engine: new FakeEngine({ delayMs: 10 }) }, async (t, page) => {
    await page.getByRole('link', { name: 'Load' }).click();
    await page.getByText('All models together').waitFor();
    await fetch(new URL('v1/completions', page.url()), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Once', max_tokens: 20 }),
    });
    const figure = page.locator('figure', { hasText: 'Time to first token' });
    await figure.getByText(/\d ms/).first().waitFor();
    await figure.locator('path[d*=L]').first().waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Pause' }).click();
    t.equal(await page.getByRole('button', { name: 'Go on' }).getAttribute('aria-pressed'), 'true');
  });

  test('each field and button has a name, and a phone needs no sideways scrolling', {}, async (t, page) => {
    const unnamed = await page.evaluate(UNNAMED_FIELDS);
    t.equal(unnamed, 0);
    await page.setViewportSize({ width: 360, height: 640 });
    for (const hash of ['#chat', '#load']) {
      await page.evaluate(`location.hash = '${hash}'`);
      t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), hash);
    }
  });
}

/** What the browser complains of, such as what its policy forbids. */
function complaintsOf(page: Page): readonly string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // Refusals are what some tests ask for.
    if (message.type() === 'error' && !/status of [45]\d\d/.test(message.text()))
      complaints.push(message.text());
  });
  return complaints;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
}

/** Waits for the first text of the newest answer. */
async function textIn(page: Page): Promise<void> {
  await page.locator('.answer .text').last().filter({ hasText: /./ }).waitFor();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
