import { createElement, useEffect, useRef } from 'react';

const relay = 'https://relay.example';

/** The chat in a React page. React keeps `key` for itself, so the attribute is `api-key`. */
export function Chat({ onAnswer }) {
  const chat = useRef(null);
  useEffect(() => {
    if (customElements.get('tabloom-chat')) return;
    const script = document.createElement('script');
    script.src = `${relay}/widget.js`;
    script.dataset.mount = 'none';
    document.head.append(script);
  }, []);
  useEffect(() => {
    const element = chat.current;
    const listen = (event) => onAnswer?.(event.detail.text);
    element.addEventListener('tabloom-answer', listen);
    return () => element.removeEventListener('tabloom-answer', listen);
  }, [onAnswer]);
  return createElement('tabloom-chat', {
    ref: chat,
    relay,
    'api-key': 'pk_your_key',
    shape: 'inline',
    heading: 'Ask us',
  });
}
