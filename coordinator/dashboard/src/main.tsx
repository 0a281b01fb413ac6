import {render} from 'preact';

import {start} from './service';
import {App} from './views/app';

start();
render(<App />, document.getElementById('dashboard')!);
