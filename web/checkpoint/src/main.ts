import '@kangma/shared/theme.css'
import '@kangma/shared/scan/scan.css'
import './checkpoint.css'
import { checkpointWorker, openOffline } from '@kangma/shared/offline'
import { createApp } from 'vue'
import App from './App.vue'
import { gate } from './gate'

createApp(App).mount('#app')
openOffline(() => gate.verdict === null, checkpointWorker)
