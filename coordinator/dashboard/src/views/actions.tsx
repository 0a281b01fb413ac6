// What one may do with a job. What the token does not allow is shown, and says why.

import {useRef, useState} from 'preact/hooks';

import {ask} from '../api';
import {caller, messageOf, whyNot} from '../service';
import type {Job, ResultFile} from '../types';
import {isOver} from '../watch';
import {Download} from './files';

export function Actions({job, files}: {job: Job; files: ResultFile[]}) {
  const [error, setError] = useState('');
  const forbidden = whyNot(caller.value, job);
  const model = files.find((file) => file.path.split('/').at(-1) === 'model.safetensors');
  const act = async (verb: 'cancel' | 'resume'): Promise<void> => {
    setError('');
    try {
      await ask(`/jobs/${job.id}/${verb}`, {method: 'POST'});
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  const mayCancel = job.state === 'queued' || job.state === 'running';
  const mayResume = isOver(job.state) && job.state !== 'done';
  return (
    <div class="actions">
      {model && job.state === 'done' && (
        <Download job={job.id} file={model} text="Download the model" prominent />
      )}
      {mayCancel && <Cancel job={job} forbidden={forbidden} cancel={() => void act('cancel')} />}
      {job.state === 'cancelling' && <span class="note">It stops once a checkpoint is kept.</span>}
      {mayResume && (
        <button
          type="button"
          class="action"
          aria-disabled={forbidden !== ''}
          aria-describedby={forbidden === '' ? undefined : 'why-not'}
          onClick={() => forbidden === '' && void act('resume')}
        >
          Resume
        </button>
      )}
      {(mayCancel || mayResume) && forbidden !== '' && (
        <span class="note" id="why-not">
          {forbidden}
        </span>
      )}
      {error !== '' && (
        <span class="problem" role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

function Cancel({job, forbidden, cancel}: {job: Job; forbidden: string; cancel: () => void}) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        class="action"
        aria-disabled={forbidden !== ''}
        aria-describedby={forbidden === '' ? undefined : 'why-not'}
        onClick={() => forbidden === '' && dialog.current!.showModal()}
      >
        Cancel
      </button>
      <dialog ref={dialog} aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel job {job.id}?</h2>
        <p>
          {job.state === 'queued'
            ? 'It leaves the queue.'
            : 'It stops at its next checkpoint, and others get its workers.'}{' '}
          It can be resumed later and goes on from there.
        </p>
        <div class="actions">
          <button
            type="button"
            class="action strong"
            onClick={() => {
              dialog.current!.close();
              cancel();
            }}
          >
            Cancel the job
          </button>
          <button type="button" class="action" autofocus onClick={() => dialog.current!.close()}>
            Let it be
          </button>
        </div>
      </dialog>
    </>
  );
}
