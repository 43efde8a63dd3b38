import {
  AtSign,
  Camera,
  Hash,
  Mail,
  MessageCircle,
  MessageCircleMore,
  MessageSquareText,
  MessagesSquare,
  Phone,
  Send,
} from 'lucide-react';

type Glyph = typeof Mail;

interface ChannelStyle {
  title: string;
  Glyph: Glyph;
  /** Name of the colour in `styles.css`. */
  color: string;
}

const STYLES: Record<string, ChannelStyle> = {
  webchat: { title: 'Web chat', Glyph: MessagesSquare, color: 'var(--ch-webchat)' },
  whatsapp: { title: 'WhatsApp', Glyph: Phone, color: 'var(--ch-whatsapp)' },
  instagram: { title: 'Instagram', Glyph: Camera, color: 'var(--ch-instagram)' },
  messenger: { title: 'Messenger', Glyph: MessageCircleMore, color: 'var(--ch-messenger)' },
  telegram: { title: 'Telegram', Glyph: Send, color: 'var(--ch-telegram)' },
  twilio: { title: 'SMS', Glyph: MessageSquareText, color: 'var(--ch-sms)' },
  sms: { title: 'SMS', Glyph: MessageSquareText, color: 'var(--ch-sms)' },
  smpp: { title: 'SMS', Glyph: MessageSquareText, color: 'var(--ch-sms)' },
  email: { title: 'E-mail', Glyph: Mail, color: 'var(--ch-email)' },
  line: { title: 'LINE', Glyph: MessageCircle, color: 'var(--ch-line)' },
  viber: { title: 'Viber', Glyph: MessageCircle, color: 'var(--ch-viber)' },
  matrix: { title: 'Matrix', Glyph: Hash, color: 'var(--ch-other)' },
};

/** An address as it helps a person; a visitor of the web chat has only a long number, which the channel's name replaces. */
export const addressText = (channel: string | null, label: string): string =>
  channel === 'webchat' ? channelStyle(channel).title : label;

/** Name, sign and colour of a channel; an unknown one keeps its own word. */
export function channelStyle(channel: string | null): ChannelStyle {
  return STYLES[channel ?? ''] ?? { title: channel || 'Channel', Glyph: AtSign, color: 'var(--ch-other)' };
}
