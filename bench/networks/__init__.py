"""Networks of genotypes. Importing a module of this folder imports torch."""
