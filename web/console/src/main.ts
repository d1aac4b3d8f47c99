import '@kangma/shared/theme.css'
import './console.css'
import './invitation/token'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './rooms'

createApp(App).use(router).mount('#app')
