// Server-sent events as text (WHATWG HTML, 9.2.6). EventSource cannot send a token, so streams are
// read by fetch() and taken apart here.

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

export class EventText {
  private rest = '';
  private id = '';
  private name = '';
  private data: string[] = [];

  // The events that this piece completes. Lines end with \n alone: that is how the service sends.
  take(piece: string): ServerEvent[] {
    const lines = (this.rest + piece).split('\n');
    this.rest = lines.pop()!;
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) {
          events.push({id: this.id, name: this.name || 'message', data: this.data.join('\n')});
        }
        this.name = '';
        this.data = [];
      } else {
        this.takeField(line);
      }
    }
    return events;
  }

  private takeField(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // A comment, which keeps the connection alive.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.id = value;
    else if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
  }
}
