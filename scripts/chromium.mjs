// Finds the browser that tests of the page open, and installs Debian's where there is none. Without one those tests are skipped.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { install } from './apt.mjs';
import { StepError, step } from './steps.mjs';
import { readSystem } from './vulkan.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

export const HOW_TO_INSTALL =
  'No Chromium was found: `apt-get install chromium` on Debian, or set CHROMIUM to the path of Chromium or Chrome.';

/** Path of the browser: CHROMIUM, else the first in PATH, else where installers put it; null where there is none. */
export function findChromium(env = process.env, exists = existsSync) {
  if (env.CHROMIUM) return env.CHROMIUM;
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...paths, ...PLACES].find(exists) ?? null;
}

export async function ensureChromium() {
  if (findChromium() !== null) return;
  if (!canInstall()) {
    console.log(`${HOW_TO_INSTALL} Tests of the page are skipped.`);
    return;
  }
  try {
    await step('Installing Chromium with apt-get', () => install([], ['chromium']));
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.log(`${error.output}\n${error.message} Tests of the page are skipped.`);
  }
}

/** Ubuntu's package only leads to a snap. */
function canInstall() {
  return process.platform === 'linux' && process.getuid() === 0 && readSystem().names[0] === 'debian';
}
