"""Open the store that the settings name."""

from shared.settings import StoreSettings
from shared.storage.files import FileStore
from shared.storage.s3 import S3Store
from shared.storage.store import Store


def open_store(settings: StoreSettings) -> Store:
    """Open the bucket if the settings name one, otherwise the files below `DATA_DIR`."""
    return S3Store(settings) if settings.bucket_name else FileStore(settings.data_dir / "objects")
