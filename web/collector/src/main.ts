import '@kangma/shared/theme.css'
import '@kangma/shared/scan/scan.css'
import '@kangma/shared/form/form.css'
import './collector.css'
import { collectorWorker, openOffline } from '@kangma/shared/offline'
import { createApp } from 'vue'
import App from './App.vue'
import { desk } from './desk'

createApp(App).mount('#app')
openOffline(() => desk.idle, collectorWorker)
