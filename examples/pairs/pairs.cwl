# Many burned areas in one job: a table of pairs in, a folder with a map for each pair and one STAC catalogue out.
cwlVersion: v1.2
$namespaces:
  calrissian: https://calrissian-cwl.github.io/schema#
$graph:
  - class: Workflow
    id: main
    label: Burned area intensity of many pairs
    requirements:
      ScatterFeatureRequirement: {}
    inputs:
      pairs:
        type: File
        label: Table of pairs
        doc: >-
          CSV with the columns pre_fire_url and post_fire_url, and optionally name, the folder of the pair's map.
          At most 64 KiB, the limit of CWL for files that an expression reads.
    outputs:
      results:
        type: Directory
        label: Results
        doc: catalog.json and a folder for each pair.
        outputSource: collect/results
    steps:
      read:
        run: "#read"
        in: {pairs: pairs}
        out: [pre_fire_urls, post_fire_urls, names]
      map:
        run: "#bai"
        scatter: [pre_fire_url, post_fire_url]
        scatterMethod: dotproduct
        in: {pre_fire_url: read/pre_fire_urls, post_fire_url: read/post_fire_urls}
        out: [results]
      collect:
        run: "#collect"
        in: {maps: map/results, names: read/names}
        out: [results]

  - class: ExpressionTool
    id: read
    label: Read the table
    requirements:
      InlineJavascriptRequirement: {}
    inputs:
      pairs: {type: File, loadContents: true}
    outputs:
      pre_fire_urls: string[]
      post_fire_urls: string[]
      names: string[]
    expression: |
      ${
        var lines = inputs.pairs.contents.split(/\r?\n/).filter(function (line) { return line.trim(); });
        var header = lines.shift().split(",").map(function (cell) { return cell.trim(); });
        var column = function (name) { return header.indexOf(name); };
        ["pre_fire_url", "post_fire_url"].forEach(function (name) {
          if (column(name) < 0) { throw new Error("the table of pairs has no column " + name); }
        });
        var out = {pre_fire_urls: [], post_fire_urls: [], names: []};
        lines.forEach(function (line, index) {
          var cells = line.split(",").map(function (cell) { return cell.trim(); });
          if (cells.length !== header.length) {
            throw new Error("pair " + (index + 1) + " of the table has " + cells.length + " cells, not " + header.length);
          }
          var name = column("name") < 0 ? "pair-" + (index + 1) : cells[column("name")];
          if (!/^\w[\w.-]*$/.test(name) || name === "catalog.json" || out.names.indexOf(name) >= 0) {
            throw new Error("pair " + (index + 1) + " of the table needs another name than '" + name + "'");
          }
          out.pre_fire_urls.push(cells[column("pre_fire_url")]);
          out.post_fire_urls.push(cells[column("post_fire_url")]);
          out.names.push(name);
        });
        return out;
      }

  - class: CommandLineTool
    id: bai
    label: Burned area intensity
    requirements:
      NetworkAccess:
        networkAccess: true
      ResourceRequirement:
        coresMin: 0.25
        coresMax: 1
        ramMin: 512
        ramMax: 1024
    hints:
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
      pre_fire_url: {type: string, inputBinding: {prefix: --pre_fire_url}}
      post_fire_url: {type: string, inputBinding: {prefix: --post_fire_url}}
    outputs:
      results: {type: Directory, outputBinding: {glob: results}}
    temporaryFailCodes: [75]

  - class: ExpressionTool
    id: collect
    label: Put the maps into one catalogue
    doc: Copies no map, only names the folders that the steps wrote.
    requirements:
      InlineJavascriptRequirement: {}
    inputs:
      maps: Directory[]
      names: string[]
    outputs:
      results: Directory
    expression: |
      ${
        var link = function (rel, href) { return {rel: rel, href: href, type: "application/json"}; };
        var catalog = {
          type: "Catalog",
          stac_version: "1.1.0",
          id: "bai-pairs",
          title: "Burned area intensity of " + inputs.names.length + " pairs",
          description: "Burned area intensity, one child catalogue for each pair of Sentinel-2 items.",
          links: [link("root", "catalog.json")].concat(inputs.names.map(function (name) {
            return link("child", name + "/catalog.json");
          }))
        };
        var listing = inputs.maps.map(function (map, index) {
          map.basename = inputs.names[index];
          return map;
        });
        listing.push({class: "File", basename: "catalog.json", contents: JSON.stringify(catalog, null, 2) + "\n"});
        return {results: {class: "Directory", basename: "results", listing: listing}};
      }
