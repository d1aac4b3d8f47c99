import '@kangma/shared/theme.css'
import '@kangma/shared/scan/scan.css'
import './checkpoint.css'
import { checkpointWorker, openOffline } from '@kangma/shared/offline'
import { openLanguages } from '@kangma/shared/languages'
import { createApp } from 'vue'
import App from './App.vue'
import { gate } from './gate'

openLanguages()
createApp(App).mount('#app')
openOffline(() => gate.verdict === null, checkpointWorker)
