import { createApp } from 'vue'
import '@kangma/shared/theme.css'
import App from './App.vue'

createApp(App).mount('#app')
