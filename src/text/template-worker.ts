import { renderMessage } from './template-messages.js';

process.on('message', (message) => process.send?.(renderMessage(message)));
process.send?.('ready');
