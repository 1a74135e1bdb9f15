import { useEffect, useRef } from 'react';

/**
 * The chat in a React page. `index.html` brings the element:
 * <script src="https://relay.example/widget.js" data-mount="none" async></script>
 * React keeps `key` for itself, so the attribute is `api-key`.
 */
export function Chat({ onAnswer }) {
  const chat = useRef(null);
  useEffect(() => {
    const element = chat.current;
    const listen = (event) => onAnswer?.(event.detail.text);
    element.addEventListener('tabloom-answer', listen);
    return () => element.removeEventListener('tabloom-answer', listen);
  }, [onAnswer]);
  return <tabloom-chat ref={chat} api-key="pk_your_key" shape="inline" heading="Ask us" />;
}
