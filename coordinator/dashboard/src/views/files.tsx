// What a job wrote.

import {useState} from 'preact/hooks';

import {ask, token} from '../api';
import {messageOf} from '../service';
import type {ResultFile} from '../types';
import {bytesText, Section, Table} from './parts';

export function Files(props: {job: number; files: ResultFile[]; digest: string}) {
  const {job, files, digest} = props;
  if (files.length === 0) return null;
  const shown = files.slice(0, kShownMax);
  return (
    <Section
      title="Files"
      id="files"
      note={
        files.length > kShownMax
          ? `The first ${kShownMax} of ${files.length}; ballast download ${job} fetches all.`
          : undefined
      }
    >
      {digest !== '' && (
        <p class="digest">
          SHA-256 of the model <code>{digest}</code>
        </p>
      )}
      <Table caption="Files of the job" head={['File', 'Size']} numeric={[1]}>
        {shown.map((file) => (
          <tr key={file.path}>
            <th scope="row">
              <Download job={job} file={file} text={file.path} />
            </th>
            <td class="numeric">{bytesText(file.bytes)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

const kShownMax = 100;

// A link where the browser can ask by itself; with a token the file is fetched first.
export function Download(props: {
  job: number;
  file: ResultFile;
  text: string;
  prominent?: boolean;
}) {
  const [state, setState] = useState('');
  const name = props.file.path.split('/').at(-1)!;
  const path = `/jobs/${props.job}/files/${props.file.path.split('/').map(encodeURIComponent).join('/')}`;
  const look = props.prominent ? 'action strong' : undefined;
  const save = async (event: Event): Promise<void> => {
    if (token.peek() === '') return; // The link does it.
    event.preventDefault();
    setState('fetching …');
    try {
      const content = await (await ask(path)).blob();
      const address = URL.createObjectURL(content);
      const link = document.createElement('a');
      link.href = address;
      link.download = name;
      link.click();
      // The browser has begun to read it by then.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      setState('');
    } catch (error) {
      setState(messageOf(error));
    }
  };
  return (
    <>
      <a class={look} href={`api/v1${path}`} download={name} onClick={(event) => void save(event)}>
        {props.text}
      </a>
      {props.prominent && <span class="note">{bytesText(props.file.bytes)}</span>}
      {state !== '' && (
        <span class="note" role="status">
          {state}
        </span>
      )}
    </>
  );
}
