import { render } from 'preact'
import { App } from './app'
import { keepScroll } from './scroll'
import './style.css'
import { readTheme, showTheme } from './theme'

showTheme(readTheme())
keepScroll()
const page = document.getElementById('page')
if (!page) throw new Error('index.html has no #page')
render(<App />, page)
