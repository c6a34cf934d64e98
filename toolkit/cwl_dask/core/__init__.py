"""What both runners share: the requirement, the claim of a cluster, and the cwltool extension."""
