// Texts of taking an invitation up.
import { texts } from '@kangma/shared/i18n'

export const zh = {
  'invitation.title': '接受邀请',
  'invitation.lead': '请为您的新账号设置密码，至少 12 个字符。',
  'invitation.password': '密码',
  'invitation.again': '再输入一次',
  'invitation.submit': '设置密码',
  'invitation.working': '正在设置…',
  'invitation.short': '密码至少 12 个字符。',
  'invitation.differs': '两次输入的密码不一样。',
  'invitation.done': '账号 {name} 已开通。',
  'invitation.next': '请登录。在有人给您授权之前，账号里只有“我的账号”。',
  'invitation.to_login': '去登录',
}

export const en: Record<keyof typeof zh, string> = {
  'invitation.title': 'Accept the invitation',
  'invitation.lead': 'Choose a password for your new account, 12 characters or more.',
  'invitation.password': 'Password',
  'invitation.again': 'The same again',
  'invitation.submit': 'Set the password',
  'invitation.working': 'Setting it…',
  'invitation.short': 'A password has at least 12 characters.',
  'invitation.differs': 'The two passwords differ.',
  'invitation.done': 'The account {name} is open.',
  'invitation.next': 'Log in. Until somebody gives you a right, it holds only “My account”.',
  'invitation.to_login': 'To the log-in',
}

export const t = texts(zh, en)
