// Texts of the declaration form, wherever a page shows it, in both languages.
import { texts } from '../i18n'

export const zh = {
  'app.retry': '再试一次',
  'app.optional': '（选填）',
  'app.please_choose': '请选择',
  'app.yes': '是',
  'app.no': '否',
  'app.errors_title': '有 {n} 处需要修改',
  'app.error_title': '没有成功',
  'identity.help.resident_id': '18 位，最后一位可能是 X。',
  'identity.help.residence_permit': '18 位，以 81、82 或 83 开头。',
  'identity.help.hk_mo_permit': 'H 或 M 开头，后面 8 位或 10 位数字。',
  'identity.help.tw_permit': '8 位数字（卡式）或 10 位（本式）。',
  'identity.help.passport': '护照资料页右上角的号码，字母和数字共 5 到 15 位。',
  'identity.help.foreign_pr': '18 位，以 9 开头；旧证是 3 个字母加 12 位数字。',
  'identity.help.other': '按证件填写。',
  'identity.hint.length': '应为 18 位，现在是 {n} 位。',
  'identity.hint.check_digit': '号码的最后一位对不上，请再核对一遍。',
  'identity.hint.birth_date': '号码里的出生日期不存在，请再核对一遍。',
  'identity.hint.shape': '与这种证件的号码格式不一样，请再核对一遍。',
  'form.missing': '请填写：{label}',
  'form.missing_choice': '请选择：{label}',
  'form.number': '{label}：请填写数字。',
  'form.range': '{label}：应在 {min} 到 {max} 之间。',
  'form.level': '{label}：请选到“{level}”。',
  'form.level_help': '请至少选到“{level}”。',
  'form.none_needed': '没有就不用选。',
  'form.add_place': '添加这个地方',
  'form.remove_place': '移除 {place}',
  'form.no_places': '还没有添加。没有就不用填。',
  'form.places_added': '已添加的地方',
  'division.1': '省、自治区、直辖市',
  'division.2': '城市',
  'division.3': '区、县',
  'division.4': '街道、乡镇',
  'division.5': '社区、村',
  'division.failed': '地区列表没有读到。',
  'division.loading': '正在读取地区…',
}

export type Key = keyof typeof zh

export const en: Record<Key, string> = {
  'app.retry': 'Try again',
  'app.optional': '(optional)',
  'app.please_choose': 'Please choose',
  'app.yes': 'Yes',
  'app.no': 'No',
  'app.errors_title': 'To correct: {n}',
  'app.error_title': 'That did not work',
  'identity.help.resident_id': '18 characters; the last may be X.',
  'identity.help.residence_permit': '18 characters, beginning with 81, 82 or 83.',
  'identity.help.hk_mo_permit': 'H or M, then 8 or 10 digits.',
  'identity.help.tw_permit': '8 digits (card) or 10 (booklet).',
  'identity.help.passport': 'At the top right of the data page: 5 to 15 letters and digits.',
  'identity.help.foreign_pr': '18 characters beginning with 9; older cards have 3 letters and 12 digits.',
  'identity.help.other': 'As printed on the document.',
  'identity.hint.length': 'It should have 18 characters; this has {n}.',
  'identity.hint.check_digit': 'The last character does not match the others. Please check the number.',
  'identity.hint.birth_date': 'The birth date inside the number does not exist. Please check the number.',
  'identity.hint.shape': 'Numbers of this document look different. Please check the number.',
  'form.missing': 'Please fill in: {label}',
  'form.missing_choice': 'Please choose: {label}',
  'form.number': '{label}: please enter a number.',
  'form.range': '{label}: should be between {min} and {max}.',
  'form.level': '{label}: please choose down to “{level}”.',
  'form.level_help': 'Choose at least down to “{level}”.',
  'form.none_needed': 'Leave empty if there is none.',
  'form.add_place': 'Add this place',
  'form.remove_place': 'Remove {place}',
  'form.no_places': 'None added yet. Leave it so if there is none.',
  'form.places_added': 'Places added',
  'division.1': 'Province',
  'division.2': 'City',
  'division.3': 'District or county',
  'division.4': 'Street or town',
  'division.5': 'Community or village',
  'division.failed': 'The list of places could not be read.',
  'division.loading': 'Reading the places…',
}

export const t = texts(zh, en, 'form')

/** For keys made from a server's word; falls back to another text. */
export function tOr(key: string, fallback: string): string {
  return key in zh ? t(key as Key) : fallback
}
