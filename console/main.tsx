import { startActWatch } from './api/refresh.ts'
import { render } from './preact.ts'
import { App } from './shell/app.tsx'
import { startClock } from './state/clock.ts'
import { startConnectionWatch } from './state/connection.ts'
import { startRouter } from './state/router.ts'
import { startSession } from './state/session.ts'
import { startTheme } from './state/theme.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/controls.css'
import './styles/shell.css'
import './styles/sign-in.css'
import './styles/data.css'
import './styles/table.css'
import './styles/table-phone.css'
import './styles/json.css'
import './styles/chart.css'
import './styles/item.css'
import './styles/services.css'
import './styles/pages.css'
import './styles/told.css'

startActWatch()
startTheme()
startClock()
startConnectionWatch()
startRouter()
const root = document.getElementById('console')
if (root) render(<App />, root)
void startSession()
