import '@kangma/shared/theme.css'
import '@kangma/shared/form/form.css'
import './resident.css'
import { openOffline } from '@kangma/shared/offline'
import { openLanguages } from '@kangma/shared/languages'
import { createApp } from 'vue'
import App from './App.vue'
import { session } from './session'

openLanguages()
createApp(App).mount('#app')
openOffline(() => session.screen !== 'apply')
