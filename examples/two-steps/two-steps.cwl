# Two steps, each with its own Dask cluster: the first writes numbers, the second computes their mean and returns it.
cwlVersion: v1.2
$namespaces:
  calrissian: https://calrissian-cwl.github.io/schema#
$graph:
  - class: Workflow
    id: main
    inputs:
      count: {type: int, default: 1000, doc: How many random numbers to draw.}
    outputs:
      numbers: {type: File, outputSource: draw/numbers}
      mean: {type: double, outputSource: average/mean}
    steps:
      draw: {run: "#draw", in: {count: count}, out: [numbers]}
      average: {run: "#average", in: {numbers: draw/numbers}, out: [mean]}

  - class: CommandLineTool
    id: draw
    hints: &hints
      DockerRequirement: {dockerPull: "ghcr.io/bai-kit/bai:0.1.0"}
      calrissian:DaskGatewayRequirement:
        {workerCores: 0.5, workerCoresLimit: 1, workerMemory: 512M, clusterMaxCores: 1, clusterMaxMemory: 1G}
    requirements:
      ResourceRequirement: {coresMin: 0.25, ramMin: 256}
      InitialWorkDirRequirement:
        listing: [{entryname: draw.py, entry: {$include: draw.py}}]
    baseCommand: [python, draw.py]
    inputs: {count: {type: int, inputBinding: {}}}
    outputs: {numbers: stdout}
    stdout: numbers.txt

  - class: CommandLineTool
    id: average
    hints: *hints
    requirements:
      ResourceRequirement: {coresMin: 0.25, ramMin: 256}
      InlineJavascriptRequirement: {}
      InitialWorkDirRequirement:
        listing: [{entryname: average.py, entry: {$include: average.py}}]
    baseCommand: [python, average.py]
    inputs: {numbers: {type: File, inputBinding: {}}}
    outputs:
      mean:
        type: double
        outputBinding: {glob: mean.txt, loadContents: true, outputEval: "$(parseFloat(self[0].contents))"}
    stdout: mean.txt
