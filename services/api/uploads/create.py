"""Creating an upload, and with a recording's first segment its clip."""

import uuid

from sqlalchemy.exc import IntegrityError

from services.api.clips.service import id_taken
from services.api.state import ClipTransaction, State
from services.api.uploads.append import UploadStatus, upload_gone
from services.api.uploads.tus import CreationRequest
from shared.clips.models import Clip
from shared.redis.jobs import CAPTION
from shared.uploads.models import Piece, Upload


def create_upload(state: State, library_id: str, creation: CreationRequest) -> UploadStatus:
    """Create the upload that a client asks for, or find the one of an earlier request. Raises `Problem`."""
    try:
        with state.transaction() as transaction:
            return _find_or_create(transaction, library_id, creation, has_captions=state.settings.live_captions)
    except IntegrityError:
        pass  # The same creation at the same time was committed first; now it is found.
    try:
        with state.transaction() as transaction:
            return _find_or_create(transaction, library_id, creation, has_captions=state.settings.live_captions)
    except IntegrityError as error:
        raise id_taken() from error  # An upload of another library has this clip id.


def _find_or_create(
    transaction: ClipTransaction, library_id: str, creation: CreationRequest, *, has_captions: bool
) -> UploadStatus:
    session = transaction.session
    # One statement reads the clip of whichever library: a second one would see the commits between the two.
    clip = session.get(Clip, creation.clip_id, with_for_update=True)
    if clip and clip.library_id != library_id:
        raise id_taken()
    uploads = {upload.segment: upload for upload in session.exec(Upload.of_clip(library_id, creation.clip_id))}
    if clip is None and (file := uploads.get(0)) and file.is_expired(transaction.now):
        # The client starts an expired file again. The objects of its first try are left to the store's comparison.
        session.delete(file)
        session.flush()
        uploads = {}
    if existing := uploads.get(creation.segment):
        _reject_other_creation(existing, creation)
        return UploadStatus(existing, session.exec(Piece.offset(existing.id)).one())
    is_next_segment = creation.is_recording and uploads and all(upload.is_recording for upload in uploads.values())
    if (clip or uploads) and not is_next_segment:
        raise id_taken()
    upload = Upload(
        id=uuid.uuid4(),
        library_id=library_id,
        clip_id=creation.clip_id,
        segment=creation.segment,
        is_recording=creation.is_recording,
        name=creation.name,
        mime=creation.mime,
        recorded_at=creation.recorded_at,
        length=creation.length,
        tags=creation.metadata,
        created_at=transaction.now,
    )
    session.add(upload)
    session.flush()
    if creation.is_recording:
        jobs = []
        if clip is None:
            clip = Clip.new_recording(
                creation.clip_id,
                name=creation.name,
                name_origin=creation.name_origin,
                language=creation.language,
                mime=creation.mime,
                recorded_at=creation.recorded_at,
                now=transaction.now,
                library_id=library_id,
            )
            jobs += [CAPTION] if has_captions else []
        else:
            clip.set_arrived_bytes(transaction.now, bytes=clip.bytes)
        clip.segments = max(clip.segments, creation.segment + 1)
        transaction.save(clip, *jobs)
    return UploadStatus(upload, 0)


def _reject_other_creation(existing: Upload, creation: CreationRequest) -> None:
    """Raise `Problem` unless `creation` may be a repetition of the one that made `existing`; the name may differ."""
    if existing.ended_at:
        raise upload_gone()
    lengths = {existing.length, creation.length} - {None}
    if existing.is_recording != creation.is_recording or len(lengths) > 1:
        raise id_taken()
