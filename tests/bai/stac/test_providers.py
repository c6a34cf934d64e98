"""Test that a hint names what the bucket's own provider asks for."""

from __future__ import annotations

import pytest

from bai.stac.providers import bucket_hint, needs_signature, refusal_hint


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("s3://eodata/Sentinel-2/a.jp2", "CDSE"),
        ("s3://deafrica-sentinel-2/a/B08.tif", "https://deafrica-sentinel-2.s3.af-south-1.amazonaws.com/a/B08.tif"),
        ("s3://deafrica-services/a/B08.tif", "https://deafrica-services.s3.af-south-1.amazonaws.com/a/B08.tif"),
        ("s3://sentinel-cogs/a/B08.tif", "https://sentinel-cogs.s3.us-west-2.amazonaws.com/a/B08.tif"),
        ("s3://sentinel-s2-l2a/tiles/a.jp2", "request-payer"),
        ("s3://my-bucket/a.tif", "bucket my-bucket"),
    ],
)
def test_buckets(href, words):
    assert words in bucket_hint(href)
    assert ("CDSE" in bucket_hint(href)) == ("eodata" in href)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://zipper.dataspace.copernicus.eu/odata/v1/a", "GDAL_HTTP_BEARER"),
        ("https://acc.blob.core.windows.net/a.tif?sig=old", "sign the item"),
        ("https://sentinel-s2-l2a.s3.eu-central-1.amazonaws.com/a.jp2", "request-payer"),
        ("https://host.example.com/a.tif?X-Amz-Signature=old", "signed links expire"),
        ("https://host.example.com/a.tif", "~/.netrc"),
    ],
)
def test_refusals(url, words):
    assert words in refusal_hint(url)


def test_unsigned_blobs():
    assert needs_signature("https://acc.blob.core.windows.net/a.tif")
    assert not needs_signature("https://acc.blob.core.windows.net/a.tif?se=1&sig=x")
    assert not needs_signature("https://host.example.com/a.tif")
