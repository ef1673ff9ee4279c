import { render } from 'preact'
import { App } from './app'
import { follow } from './route'
import './style/base.css'
import './style/shell.css'
import './style/parts.css'
import './style/views.css'

const place = document.getElementById('app')
if (place) {
  follow()
  render(<App />, place)
}
