namespace Clustron.Testing;

/// <summary>How test servers are started.</summary>
public sealed record ClustronServerOptions
{
    /// <summary>How many nodes; 1: a node alone.</summary>
    public int Nodes { get; init; } = 1;

    /// <summary>The program; null: the environment variable CLUSTRON_SERVER, build/clustron-server in a folder above, or the PATH.</summary>
    public string? Program { get; init; }

    /// <summary>More options of the server's, <c>"--maxmemory", "100mb"</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Where the data lie; null: a temporary folder that is deleted at the end.</summary>
    public string? Directory { get; init; }

    /// <summary>Ports that are tried, with those 10,000 above for peers.</summary>
    public (int First, int Last) Ports { get; init; } = PortsOf(Environment.GetEnvironmentVariable("CLUSTRON_TEST_PORTS"));

    /// <summary>How long a start may take.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(30);

    internal string FindProgram()
    {
        string? named = Program ?? Environment.GetEnvironmentVariable("CLUSTRON_SERVER");
        if (named is not null) return File.Exists(named) ? named : throw new FileNotFoundException($"There is no server program '{named}'.", named);
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string built = Path.Combine(folder, "build", "clustron-server");
            if (File.Exists(built)) return built;
        }
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
        {
            string installed = Path.Combine(folder, "clustron-server");
            if (File.Exists(installed)) return installed;
        }
        throw new FileNotFoundException("There is no clustron-server: set CLUSTRON_SERVER to it, or put it into the PATH.");
    }

    private static (int, int) PortsOf(string? range) =>
        range?.Split('-') is [var first, var last] && int.TryParse(first, out int a) && int.TryParse(last, out int b) ? (a, b) : (20000, 21900);
}
