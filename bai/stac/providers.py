"""Hints for files that an archive gives only after a sign-in, a signature or a payment."""

from __future__ import annotations

from urllib.parse import urlsplit

_PC = "sign the item (planetary_computer.sign), save it as a file and give its path; signatures last about an hour"
_CDSE = (
    "CDSE asks for an account: download the files with S3 keys of eodata-s3keysmanager.dataspace.copernicus.eu, "
    "or set GDAL_HTTP_AUTH=BEARER and GDAL_HTTP_BEARER to an access token of identity.dataspace.copernicus.eu"
)
_REQUESTER_PAYS = (
    "this bucket bills its readers: download the files with an AWS account (aws s3 cp --request-payer requester), "
    "or give the item of Earth Search v1, whose GeoTIFF files are free"
)
_PUBLIC_BUCKETS = {
    "sentinel-cogs": "us-west-2",
    "e84-earth-search-sentinel-data": "us-west-2",
    "deafrica-sentinel-2": "af-south-1",
    "deafrica-sentinel-2-dev": "af-south-1",
}
"""Buckets that anybody may read over https, and their regions. Source: the Registry of Open Data on AWS."""
_LOGIN = "put user and password into the URL or ~/.netrc, or a token into GDAL_HTTP_BEARER with GDAL_HTTP_AUTH=BEARER"


def bucket_hint(href: str) -> str:
    """Return what to do about an `s3://`, `gs://` or similar href of a known or unknown bucket."""
    parts = urlsplit(href)
    bucket, key = parts.netloc.rpartition("@")[2].lower(), parts.path
    if bucket == "eodata":
        return _CDSE
    if bucket in {"sentinel-s2-l2a", "sentinel-s2-l1c"}:
        return _REQUESTER_PAYS
    if region := _PUBLIC_BUCKETS.get(bucket):
        return f"the bucket needs no account: write https://{bucket}.s3.{region}.amazonaws.com{key} into the item"
    if bucket.startswith("deafrica"):
        return (
            f"Digital Earth Africa's buckets need no account: write https://{bucket}.s3.af-south-1.amazonaws.com{key}"
        )
    return f"download the files of bucket {bucket} with its provider's credentials, or give an item with https hrefs"


def refusal_hint(url: str) -> str:
    """Return a hint for the user whose request a server answered with 401 or 403."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host.endswith(".blob.core.windows.net"):
        return _PC
    if host.endswith("dataspace.copernicus.eu"):
        return _CDSE
    if host.partition(".")[0] in {"sentinel-s2-l2a", "sentinel-s2-l1c"}:
        return _REQUESTER_PAYS
    if any(word in parts.query.lower() for word in ("sig=", "signature=", "token=")):
        return "signed links expire: fetch the item again"
    return _LOGIN


def needs_signature(url: str) -> bool:
    """Tell whether a URL lies on Planetary Computer's storage and is not signed."""
    parts = urlsplit(url)
    return (parts.hostname or "").endswith(".blob.core.windows.net") and "sig=" not in parts.query
