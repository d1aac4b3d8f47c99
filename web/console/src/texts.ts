// Texts of the shell: what every room shares. Each room has its own texts beside it.
import { texts } from '@kangma/shared/i18n'

export const zh = {
  'app.title': '康码工作台',
  'app.language': 'English',
  'app.skip': '跳到正文',
  'app.loading': '正在打开…',
  'app.failed': '没有成功，请再试一次。',
  'app.log_out': '退出',
  'app.dismiss': '知道了',
  'app.notice': '刚才的结果',
  'app.rooms': '工作',
  'app.menu': '菜单',
  'app.away': '这里没有内容，或您没有查看的权限。',

  'login.title': '工作人员登录',
  'login.name': '用户名',
  'login.password': '密码',
  'login.code': '验证器上的六位数字',
  'login.code_help': '没有设置验证器的，请留空。',
  'login.submit': '登录',
  'login.working': '正在登录…',
  'login.missing': '请填写用户名和密码。',
  'login.ended': '登录已过期或权限已变动，请重新登录。',

  'room.review': '审核',
  'room.dashboard': '看板',
  'room.orders': '处置令',
  'room.alarms': '预警',
  'room.lists': '名单导入',
  'room.people': '查人',
  'room.accounts': '人员与权限',
  'room.rules': '规则',
  'room.service': '系统运行',
  'room.mine': '我的账号',
}

export const en: Record<keyof typeof zh, string> = {
  'app.title': 'Kangma console',
  'app.language': '中文',
  'app.skip': 'Skip to the content',
  'app.loading': 'Opening…',
  'app.failed': 'That did not work. Try again.',
  'app.log_out': 'Log out',
  'app.dismiss': 'Got it',
  'app.notice': 'Latest result',
  'app.rooms': 'Work',
  'app.menu': 'Menu',
  'app.away': 'There is nothing here, or you have no right to see it.',

  'login.title': 'Staff log-in',
  'login.name': 'Name',
  'login.password': 'Password',
  'login.code': 'Six digits of your authenticator',
  'login.code_help': 'Leave it empty if you have set up none.',
  'login.submit': 'Log in',
  'login.working': 'Logging in…',
  'login.missing': 'Give name and password.',
  'login.ended': 'Your session ended or your rights changed. Log in again.',

  'room.review': 'Review',
  'room.dashboard': 'Dashboard',
  'room.orders': 'Orders',
  'room.alarms': 'Alarms',
  'room.lists': 'Lists',
  'room.people': 'Look-up',
  'room.accounts': 'Accounts and rights',
  'room.rules': 'Rules',
  'room.service': 'The service',
  'room.mine': 'My account',
}

export const t = texts(zh, en)
