import { ChatView } from './chat.js';
import { find } from './dom.js';
import { LoadView } from './load.js';
import { SettingsForm } from './settings.js';

const settings = new SettingsForm(() => {
  void chat.loadModels();
  load.restart();
});
const chat = new ChatView(settings);
const load = new LoadView(settings);

/** The view that the address names. */
function showView() {
  const isLoad = location.hash === '#load';
  find('#chat', HTMLElement).hidden = isLoad;
  find('#load', HTMLElement).hidden = !isLoad;
  for (const link of document.querySelectorAll('nav a')) {
    const isCurrent = link.getAttribute('href') === (isLoad ? '#load' : '#chat');
    if (isCurrent) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  load.setVisible(isLoad);
}

window.addEventListener('hashchange', showView);
showView();
void chat.loadModels();
