packages=r-base-core
runtime=R
scenarios="small large HEAD"
ask_small=/custom/small
ask_large=/custom/large
ask_HEAD='--method HEAD /custom/small'
server() { PORT=$port run Rscript "$apps/help.R"; }
