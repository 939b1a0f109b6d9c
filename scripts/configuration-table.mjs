// Writes the table of docs/configuration.md anew from the options of the code: npm run docs:configuration
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../dist/commands/commands.js';
import { optionTable } from '../dist/commands/help.js';
import { root } from './steps.mjs';

const file = join(root, 'docs/configuration.md');
const page = readFileSync(file, 'utf8');
const start = page.indexOf('| option |');
writeFileSync(file, `${page.slice(0, start)}${optionTable(COMMANDS).join('\n')}\n`);
