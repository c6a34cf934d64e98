# The application package, and its only hand-written copy: `bai-kit package convert` makes every other form of it.
cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
  calrissian: https://calrissian-cwl.github.io/schema#
$schemas:
  - https://schema.org/version/latest/schemaorg-current-https.rdf

s:name: Burned area intensity
s:description: Burned area intensity (dNBR and severity classes) from a pair of Sentinel-2 Level-2A STAC items.
s:softwareVersion: 0.1.0
s:dateCreated: "2026-11-22"
s:license: https://spdx.org/licenses/Apache-2.0
s:codeRepository: https://github.com/bai-kit/bai-kit
s:softwareHelp:
  - class: s:CreativeWork
    s:name: User guide
    s:url: https://github.com/bai-kit/bai-kit/tree/main/docs
s:publisher:
  class: s:Organization
  s:name: bai-kit
s:author:
  - class: s:Organization
    s:name: The bai-kit authors
s:keywords: [burned area, dNBR, Sentinel-2, STAC, Dask]

$graph:
  - class: Workflow
    id: main  # where a runner starts when no process is named
    label: Burned area intensity
    doc: >-
      Maps how severely a fire burned: the difference of the Normalized Burn Ratio between a Sentinel-2 Level-2A item
      before the fire and one after it, with severity classes, areas and a picture, as a STAC catalogue.
    inputs:
      pre_fire_url:
        type: string
        label: Item before the fire
        doc: URL or path of the Sentinel-2 Level-2A STAC item before the fire; its 10 m grid is the result's.
      post_fire_url:
        type: string
        label: Item after the fire
        doc: URL or path of the Sentinel-2 Level-2A STAC item after the fire.
      boa_offset:
        type: ["null", {type: enum, symbols: [auto, apply, none]}]
        label: Reflectance offset
        doc: >-
          Whether to subtract the offset of processing baseline 04.00 and later: as the item says (auto, the default),
          always (apply) or never (none).
      mask:
        type: ["null", {type: enum, symbols: [scl, none]}]
        label: Mask
        doc: Leave out pixels by the scene classification (scl, the default where the items have one) or none of them.
      mask_classes:
        type: int[]?
        label: Masked classes
        doc: Classes of the scene classification to leave out; 0, 1, 3, 6, 8, 9 and 10 if not given.
      bbox:
        type: double[]?
        label: Bounding box
        doc: West, south, east and north in degrees (WGS 84) to crop to; the whole item if not given.
      aoi:
        type: File?
        label: Area of interest
        doc: GeoJSON polygons, such as a fire's footprint; only what lies inside is read, counted and mapped.
      dnbr_offset:
        type: string?
        label: dNBR offset
        doc: dNBR of unburned ground to subtract, a number, auto (measured around the burn) or none (the default).
      precision:
        type: double?
        label: Precision
        doc: Step that values of the index may be rounded to; 0.0001 halves the file. Exact if not given.
      smallest_patch:
        type: double?
        label: Smallest patch
        doc: Area in hectares of the smallest polygon in burned.gpkg, 0.5 if not given.
      performance_report:
        type: boolean?
        label: Performance report
        doc: Keep Dask's report of the computation as dask-report.html.
      compress:
        type: ["null", {type: enum, symbols: [deflate, zstd]}]
        label: Compression
        doc: Compression of the GeoTIFFs, deflate (the default) or zstd (reads faster, in fewer programs).
      index:
        type: ["null", {type: enum, symbols: [dnbr, rbr]}]
        label: Index
        doc: Difference of the Normalized Burn Ratio (dnbr, the default) or Relativized Burn Ratio (rbr).
    outputs:
      results:
        type: Directory
        label: Results
        doc: >-
          STAC catalogue (catalog.json) with one item: the maps bai.tif and severity.tif, polygons burned.gpkg, bai.html,
          bai.png and report.json.
        outputSource: bai/results
    steps:
      bai:
        label: Compute the burned area intensity
        doc: Reads both items window by window on the Dask cluster and writes the maps.
        run: "#bai"
        in:
          pre_fire_url: pre_fire_url
          post_fire_url: post_fire_url
          boa_offset: boa_offset
          mask: mask
          mask_classes: mask_classes
          bbox: bbox
          aoi: aoi
          dnbr_offset: dnbr_offset
          precision: precision
          smallest_patch: smallest_patch
          performance_report: performance_report
          compress: compress
          index: index
        out: [results]

  - class: CommandLineTool
    id: bai
    label: Burned area intensity
    doc: Runs on the Dask cluster that the runner claimed for it, else in threads.
    requirements:
      NetworkAccess:
        networkAccess: true
      ResourceRequirement:  # of the step itself, which only writes what the cluster's workers computed
        coresMin: 0.25
        coresMax: 1
        ramMin: 512
        ramMax: 1024
    hints:
      # Hints, so that runners without containers and runners without Dask can run the package too.
      DockerRequirement:
        dockerPull: ghcr.io/bai-kit/bai:0.1.0
      calrissian:DaskGatewayRequirement:
        workerCores: 0.5
        workerCoresLimit: 1
        workerMemory: 2G
        clusterMaxCores: 2
        clusterMaxMemory: 4G
    baseCommand: [python, -m, bai]
    arguments: [--output-dir, results]
    inputs:
      pre_fire_url:
        type: string
        label: Item before the fire
        doc: URL or path of the STAC item before the fire.
        inputBinding: {prefix: --pre_fire_url}
      post_fire_url:
        type: string
        label: Item after the fire
        doc: URL or path of the STAC item after the fire.
        inputBinding: {prefix: --post_fire_url}
      boa_offset:
        type: ["null", {type: enum, symbols: [auto, apply, none]}]
        label: Reflectance offset
        doc: Whether to subtract the offset of processing baseline 04.00.
        inputBinding: {prefix: --boa-offset}
      mask:
        type: ["null", {type: enum, symbols: [scl, none]}]
        label: Mask
        doc: What leaves pixels out.
        inputBinding: {prefix: --mask}
      mask_classes:
        type: int[]?
        label: Masked classes
        doc: Classes of the scene classification to leave out.
        inputBinding: {prefix: --mask-classes=, itemSeparator: ",", separate: false}
      bbox:
        type: double[]?
        label: Bounding box
        doc: West, south, east and north in degrees.
        inputBinding: {prefix: --bbox=, itemSeparator: ",", separate: false}  # "=", since a west may start with "-"
      aoi:
        type: File?
        label: Area of interest
        doc: GeoJSON polygons to compute inside.
        inputBinding: {prefix: --aoi}
      dnbr_offset:
        type: string?
        label: dNBR offset
        doc: A number, auto or none.
        inputBinding: {prefix: --dnbr-offset=, separate: false}  # "=", since a number may start with "-"
      precision:
        type: double?
        label: Precision
        doc: Step to round the values of the index to.
        inputBinding: {prefix: --precision}
      smallest_patch:
        type: double?
        label: Smallest patch
        doc: Hectares of the smallest polygon.
        inputBinding: {prefix: --smallest-patch}
      performance_report:
        type: boolean?
        label: Performance report
        doc: Keep Dask's report of the computation.
        inputBinding: {prefix: --performance-report}
      compress:
        type: ["null", {type: enum, symbols: [deflate, zstd]}]
        label: Compression
        doc: Compression of the GeoTIFFs.
        inputBinding: {prefix: --compress}
      index:
        type: ["null", {type: enum, symbols: [dnbr, rbr]}]
        label: Index
        doc: The index to compute.
        inputBinding: {prefix: --index}
    outputs:
      results:
        type: Directory
        label: Results
        doc: The STAC catalogue with the maps.
        outputBinding: {glob: results}
    temporaryFailCodes: [75]
